"""The ledger, which books only where something moved, against whole passes after every step."""

from __future__ import annotations

import numpy as np
import pytest
from reference.ledger import SlowLedger
from small import booked, start
from strategies import random_scenario

from valign.model.ledger.accounting import account
from valign.model.ledger.booking import account_moves, flush
from valign.model.mechanisms.sensemaking.kernel import sensemaking
from valign.model.run.month import month_steps
from valign.model.state.arrays import State


def month(S: State, slow: SlowLedger, t: int) -> None:
    """A month of the block, and of the slow ledger beside it."""
    told = {account: slow.account, account_moves: slow.moves, flush: slow.flush}
    for step in month_steps(S.switches, True):
        judged, argument = S.alignment.copy(), t if step.argument < 0 else step.argument
        step.function(S, argument)
        if step.function is sensemaking:
            slow.judged(judged)
        elif step.function in told:
            told[step.function](argument)


@pytest.mark.slow  # whole passes have to be compiled
@pytest.mark.parametrize("seed", range(12))
def test_it_books_what_whole_passes_book(seed: int) -> None:
    scenario = random_scenario(seed)
    groups = len(scenario.group_names)
    S, _ = start(scenario, [seed, seed + 1, seed + 2], accounting=True)
    slow = SlowLedger(S, groups)
    for t in range(1, 13):
        slow.booked[:] = 0.0
        month(S, slow, t)
        np.testing.assert_allclose(booked(S, groups), slow.booked, rtol=0.0, atol=1e-12)
        np.testing.assert_allclose(S.fit, slow.known[0], rtol=0.0, atol=1e-12)
