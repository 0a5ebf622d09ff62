"""What moved alignment, episode by episode and role by role: as booked, beside paired ablations.

The decomposition says what each mechanism did along the path that was taken; an ablation what would have been without
it, with the same seeds. Where the two differ, other mechanisms do the work when one is off, or one undoes another's.
Each scenario is shown with the innovation fixed (flexibility 0) and as it ships: what is gained by moving the
innovation rather than people would else pass for alignment of people.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from valign.model.errors import InputError
from valign.model.ledger.decomposition import BALANCES, ENTRIES, EPISODES
from valign.model.parameters import ROLES
from valign.model.scenario.scenario import Scenario

from .ablation import moving, with_interval, without_each
from .bases import with_common_seeds
from .batch.executors import How
from .batch.kept import simulate_or_keep
from .design import checked_ensemble, product
from .design_outcomes import OutcomesOfDesign
from .outcomes import check_possible
from .simulate import simulate_in_parts

MEMBERS = ROLES[:3]
SHOWN_EPISODES = ("design", "implementation", "spread", "sustainment", "abandoned")
FLEXIBILITY = "innovation.flexibility"


def attribution(
    scenario: Scenario | str | Path,
    runs: int = 64,
    seed: int = 1,
    societies: int | None = None,
    flexibilities: Sequence[float] | None = None,
    mechanisms: Sequence[str] | None = None,
    progress: Callable[[int, int], None] | None = None,
    *,
    folder: str | Path | None = None,
    how: How = How(),
) -> pd.DataFrame:
    """Change in mean alignment due to each mechanism, by episode and role, as booked and by ablation.

    Parameters
    ----------
    scenario, runs, seed, societies : as for `simulate`.
    flexibilities : values of `innovation.flexibility` (default: 0 and the scenario's own).
    mechanisms : which (default: all that move alignment and are on).
    progress : called with (runs done, runs in all).
    folder, how : as for `levels`.

    Returns
    -------
    Rows by flexibility, balance ("fit" of people's own values, "alignment" as they judge it), episode ("all": the
    whole run), role ("all": staff, managers and peers), mechanism and part ("all": its parts together; "centre": a
    group's mean values moved; "spread": the rest of people's moves; "innovation"; "clarity"; "leavers"; "recruits";
    "grounding", "talk", "sensegiving" and "session" of sensemaking). `booked`: mean over runs of the sum of changes per
    person of the role, with 95 % interval `booked_low`, `booked_high`; `ablation`, for part "all": change in the
    episode with the mechanism less change in it without, the same seeds, with interval. Per person of the whole role,
    so that episodes add up. Each unit is fit or alignment (0-1).

    Raises InputError for unknown mechanisms, impossible or no flexibilities, and whatever `simulate` raises.
    """
    scenario = Scenario.load(scenario)
    mechanisms = moving(scenario, mechanisms)
    own = scenario.value(FLEXIBILITY)
    chosen = list(dict.fromkeys([0.0, own] if flexibilities is None else flexibilities))
    if not chosen:
        raise InputError([f"flexibilities: expected at least one value of {FLEXIBILITY}"])
    runs, seed, societies = checked_ensemble(runs, seed, societies)
    points = product(pd.DataFrame({FLEXIBILITY: chosen}), without_each(scenario, mechanisms))
    design = with_common_seeds(points, scenario, runs, seed, societies)
    if folder is None:
        parts = simulate_in_parts(
            design, runs, _checked_booked, base=scenario, record="decomposition", progress=progress
        )
        sums, people = (np.concatenate(each, axis=-1) for each in zip(*parts, strict=True))
    else:
        sums, people = _checked_booked(simulate_or_keep(design, scenario, "booked", folder, how, progress=progress))
    by_point = [
        _by_role(sums[..., first : first + runs], people[:, first : first + runs])
        for first in range(0, len(design), runs)
    ]
    clusters = design["society_seed"].to_numpy()[:runs]
    on = [name for name in mechanisms if scenario.mechanisms[name]]
    tables: list[pd.DataFrame] = []
    for place, flexibility in enumerate(chosen):
        base, *off = by_point[place * (1 + len(on)) : (place + 1) * (1 + len(on))]
        found = {**dict.fromkeys(mechanisms, base), **dict(zip(on, off, strict=True))}
        for balance, name in enumerate(BALANCES):
            without = {each: change[balance] for each, change in found.items()}
            rows = _rows(base[balance], without, clusters)
            tables.append(rows.assign(flexibility=flexibility, balance=name))
    table = pd.concat(tables, ignore_index=True)
    table.insert(0, "scenario", scenario.name)
    first = ["scenario", "flexibility", "balance"]
    return table[[*first, *(column for column in table if column not in first)]]


def _checked_booked(found: OutcomesOfDesign) -> tuple[np.ndarray, np.ndarray]:
    check_possible(found.runs)
    return found.booked()


def _by_role(booked: np.ndarray, people: np.ndarray) -> np.ndarray:
    """Change per person [balances, entries, episodes and all, roles and all, runs]."""
    members = [ROLES.index(role) for role in MEMBERS]
    sums = booked[..., members, :]
    sums = np.concatenate([sums, sums.sum(axis=3, keepdims=True)], axis=3)
    count = people[members]
    count = np.concatenate([count, count.sum(axis=0, keepdims=True)])
    episodes = [EPISODES.index(name) for name in SHOWN_EPISODES]
    sums = np.concatenate([sums[:, :, episodes], sums.sum(axis=2, keepdims=True)], axis=2)
    with np.errstate(invalid="ignore", divide="ignore"):
        return sums / np.where(count > 0, count, np.nan)


def _rows(base: np.ndarray, found: Mapping[str, np.ndarray], clusters: np.ndarray) -> pd.DataFrame:
    """The table of one flexibility. base, found : change per person with all mechanisms, and without each."""
    kept = [n for n, (_, part) in enumerate(ENTRIES) if part != "moves"]  # moves between groups change nobody
    total = base[kept].sum(axis=0)
    rows: list[dict[str, object]] = []
    for e, episode in enumerate((*SHOWN_EPISODES, "all")):
        for r, role in enumerate((*MEMBERS, "all")):
            place = (e, r)
            rows.append(
                {
                    "episode": episode,
                    "role": role,
                    "mechanism": "all",
                    "part": "all",
                    **with_interval("booked", total[place], clusters),
                }
            )
            for name in found:
                parts = {part: n for n, (of, part) in enumerate(ENTRIES) if of == name}
                booked = {
                    "all": base[list(parts.values())].sum(axis=0)[place],
                    **{part: base[n][place] for part, n in parts.items()},
                }
                without = found[name][kept].sum(axis=0)[place]
                for part, values in booked.items():
                    row: dict[str, object] = {
                        "episode": episode,
                        "role": role,
                        "mechanism": name,
                        "part": part,
                        **with_interval("booked", values, clusters),
                    }
                    if part == "all":
                        row |= with_interval("ablation", total[place] - without, clusters)
                    rows.append(row)
    return pd.DataFrame(rows)
