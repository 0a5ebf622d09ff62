"""A claim, and planted truths that it is tested on."""

from __future__ import annotations

from functools import cache

import numpy as np

from valign.experiments.claims.declaration import Claim
from valign.experiments.claims.worlds import Evaluated
from valign.experiments.worlds import plausible_worlds

EXAMPLE = "examples/my-claim.toml"


@cache
def example() -> Claim:
    return Claim.load(EXAMPLE)


def planted(truth, noise: float, rng: np.random.Generator):
    """What stands in for the simulator: a toy world where the first arm is better by `truth(worlds)`; 0 in the null."""

    def toy(base, arms, outcomes, runs, societies, worlds=None, **_):
        n, seeds = runs.shape
        common = rng.normal(0, 1, (n, seeds))
        effect = truth(worlds if worlds is not None else plausible_worlds(n, 1))
        values = {}
        for arm in arms:
            better = (arm.settings["slack"] > 0.3) * (arm.settings.get("slack_effect") != 0.0)
            outcome = common + better * effect[:, None] + rng.normal(0, noise / np.sqrt(2), (n, seeds))
            values[arm.key] = dict.fromkeys(outcomes, outcome)
        return Evaluated(values, {}, n * seeds * len(arms))

    return toy


TRUTHS = {
    "supported": lambda worlds: 0.06 + 0.2 * worlds["peer_effect"].to_numpy(),
    "not supported": lambda worlds: np.zeros(len(worlds)),
    "reversed": lambda worlds: -0.06 - 0.2 * worlds["peer_effect"].to_numpy(),
    "supported conditionally": lambda worlds: np.where(worlds["peer_effect"] > 0.42, 0.15, 0.0),
}
