"""Eight runs at once give the bits of eight single runs."""

from __future__ import annotations

import numpy as np
import pytest

from valign.model.compiled import calling
from valign.model.compiled.compiling import COMPILED, compiled, inlined
from valign.model.compiled.lanes import (
    LANES,
    first_of,
    in_strips,
    keep,
    number,
    root,
    rows_in_turn,
    some,
    strip,
    where,
    zero,
)
from valign.model.compiled.randomness import (
    exponential,
    logarithm,
    logistic,
    logistic_at_most,
    normal_quantile,
    philox,
    uniform,
)
from valign.model.mechanisms.awareness.kernel import awareness
from valign.model.mechanisms.coproduction.kernel import takes_part

from valign.model.run.block import run_block
from valign.model.run.initial import build
from valign.model.run.step import Step
from valign.model.scenario.scenario import Scenario
from valign.model.state.arrays import AWARE, ENGAGED, PERSON_DRAW, UNAWARE
from valign.model.state.scenario_arrays import lower

from reference.bits import random_scenario
from small import start

W = 3 * LANES + 5
ROWS = 9
pytestmark = pytest.mark.skipif(not COMPILED, reason="without compiled code there are no lanes")


@inlined
def part(x, y, stage, word, out, found, at):
    """Everything that kernels do with lanes."""
    a, b = x[at], y[at]
    out[0, at] = min(max(a, 0.0), b) - max(1.0, min(a, 0.5)) / (a - b)
    out[1, at] = where((a < b) & ~(stage[at] == 2), abs(a * b), -a)
    out[2, at] = number((stage[at] >= 1) | (a != b)) + 3 * number(a == a)
    out[3, at] = exponential(a)
    out[4, at] = logarithm(abs(a) + 0.125) + root(abs(b))
    words = philox(word[at], word[at], word[at], word[at], word[at], word[at])
    out[5, at] = uniform(words[1])
    out[6, at] = normal_quantile(uniform(words[2]))
    out[7, at] = zero(at)
    if some(stage[at] == 3):
        out[7, at] = where(stage[at] == 3, 1.0, 0.0)
    out[8, at] = a
    out[8, at] += stage[at] * b
    found[at] = where(stage[at] == 1, 2, stage[at])
    found[at] = where(a < 0.0, found[at], a > 1.0)


@compiled
def in_both_ways(x, y, stage, word, eight, found_eight, one, found_one):
    whole = in_strips(x)
    for r in range(0, whole, LANES):
        part(x, y, stage, word, eight, found_eight, strip(r))
    for r in range(whole, len(x)):
        part(x, y, stage, word, eight, found_eight, r)
    for r in range(len(x)):
        part(x, y, stage, word, one, found_one, r)


def test_eight_at_once_are_eight_times_one() -> None:
    random = np.random.default_rng(5)
    eight, one = np.full((ROWS, W), np.nan), np.full((ROWS, W), np.nan)
    found_eight, found_one = np.zeros(W, np.int8), np.zeros(W, np.int8)
    special = np.array([np.nan, np.inf, -np.inf, 0.0, -0.0, 1.0, 800.0, -800.0, 1e-9])
    for _ in range(200):
        x, y = random.normal(scale=3.0, size=(2, W))
        x[random.integers(W, size=9)] = special
        y[random.integers(W, size=9)] = special
        stage = random.integers(4, size=W).astype(np.int8)
        word = random.integers(2**32, size=W).astype(np.uint64)
        in_both_ways(x, y, stage, word, eight, found_eight, one, found_one)
        for row in range(ROWS):
            np.testing.assert_array_equal(eight[row], one[row], err_msg=f"row {row}")
        where_zero = one == 0.0
        np.testing.assert_array_equal(np.signbit(eight[where_zero]), np.signbit(one[where_zero]))
        np.testing.assert_array_equal(found_eight, found_one)


@compiled
def whole_strips(runs):
    return in_strips(runs)


def test_what_is_left_over_is_taken_one_by_one() -> None:
    assert [whole_strips(np.zeros(n)) for n in (1, 7, 8, 13, 64)] == [0, 0, 8, 8, 64]


# --- a run alone: dimensions, or people, side by side ---------------------------------------------------------------
@compiled
def of_rows(rows, count, total, out, kept):
    """Totals of the first `count` of eight numbers, of eight rows; and these of the first row, kept."""
    for n in range(LANES):
        rows[n, strip(0)] = where(first_of(count), rows[n, strip(0)], 0.0)
    out[strip(0)] = rows_in_turn(total, rows)
    keep(kept, (strip(0), 0), rows[0, strip(0)], first_of(count))


@pytest.mark.parametrize("count", [1, 3, 7, 8, 12])
def test_rows_are_added_up_in_their_order(count: int) -> None:
    random = np.random.default_rng(count)
    rows = random.normal(size=(LANES, LANES)) * 10.0 ** random.integers(-9, 9, (LANES, LANES))
    out, kept, expected = np.zeros(LANES), np.full((LANES, 1), -1.0), np.full(LANES, 0.1)
    for k in range(min(count, LANES)):
        expected += rows[:, k]
    first = rows[0].copy()
    of_rows(rows, count, 0.1, out, kept)
    np.testing.assert_array_equal(out, expected)
    np.testing.assert_array_equal(kept[:count, 0], first[:count])
    assert (kept[count:] == -1.0).all()


@pytest.mark.parametrize(
    ("number", "count", "rule"),
    [(0, 11, "hard"), (3, 3, "hard"), (6, 8, "bounded"), (1, 9, "bounded"), (2, 16, "hard"), (9, 17, "constant")],
)
@pytest.mark.parametrize("recorded", [False, True])
def test_a_run_alone_has_the_bits_of_one_of_eight(number: int, count: int, rule: str, recorded: bool) -> None:
    scenario = random_scenario(number, count=count).replace({"relationship_rule": rule})
    together, society = start(scenario, list(range(LANES)), accounting=recorded)
    lowered = lower(scenario)
    run_block(lowered, together)
    for r in range(2):
        alone = build(lowered, society, [r], accounting=recorded)
        run_block(lowered, alone)
        for name in (
            "values",
            "quality",
            "belief",
            "alignment",
            "clarity",
            "identification",
            "stage",
            "run_outcomes",
            "path",
        ):
            np.testing.assert_array_equal(getattr(alone, name)[..., 0], getattr(together, name)[..., r], err_msg=name)


def test_bounds_decide_as_exponentials_do() -> None:
    random = np.random.default_rng(2)
    x = np.concatenate([random.uniform(-40, 40, 20_000), np.arange(-80, 80) / 4, [-1e9, 1e9, -700.0, 700.0, 0.0]])
    assert all(logistic(v) <= logistic_at_most(v) <= max(1.3 * logistic(v), 2e-7) * 1.000001 for v in x)
    y = np.concatenate([random.uniform(0, 3, 20_000), 10.0 ** random.uniform(-12, 1, 20_000), [0.0]])
    exact = 1.0 - np.array([exponential(-v) for v in y])
    for near in (
        exact,
        np.nextafter(exact, 2),
        np.nextafter(exact, -1),
        y,
        y - 0.5 * y * y,
        random.uniform(size=len(y)),
    ):
        assert all(takes_part(draw, v) == (draw < p) for draw, v, p in zip(near, y, exact, strict=True))
    up_to = np.linspace(0, 1.75, 10_001)
    assert (1 + up_to + up_to**2 >= np.exp(up_to)).all()  # turnover: who stays for certain


@pytest.mark.parametrize("beside", [-1.0, 0.0, 2.0])
def test_hearing_of_it_is_decided_as_by_all_qualities(beside: float) -> None:
    """At the probability, one step beside it, and at the most that it can be; a run alone looks at a bound first."""
    scenario = Scenario.load("housing-first")
    S, society = start(scenario, [1])
    together = build(lower(scenario), society, list(range(LANES)))
    random = np.random.default_rng(3)
    engaged = random.random(len(S.role)) < 0.4
    S.stage[:, 0] = np.where(engaged, ENGAGED, UNAWARE)
    S.quality[:, 0] = np.where(random.random(len(S.quality)) < 0.5, 1.0, random.random(len(S.quality)))
    rate, expected = S.awareness_by_ties[0], []
    for i in range(int(S.first[len(S.setting)])):
        o = S.organisation[i]
        used = 1 <= S.service_stage[o, 0] <= 3
        told = S.awareness_in_service[S.setting[o], 0] if used else 0.0
        stays = (1.0 - S.broadcast[S.setting[o], 0]) * (1.0 - told)
        for n in range(S.tie_start[i], S.tie_start[i + 1]):
            stays *= 1.0 - rate * S.quality[S.tie_of[n], 0] if S.stage[S.neighbour[n], 0] == ENGAGED else 1.0
        p = 1.0 - stays
        draw = random.random() if i % 4 == 0 else p if beside == 0.0 else np.nextafter(p, beside)
        S.draw[i, PERSON_DRAW.become_aware, 0] = draw
        expected.append(ENGAGED if engaged[i] else AWARE if draw < p else UNAWARE)
    assert {AWARE, UNAWARE} <= set(expected)
    for name in ("stage", "quality", "draw"):
        getattr(together, name)[...] = getattr(S, name)
    for state in (S, together):
        calling.run(state, 1, 2, [Step("awareness", awareness)])
        for r in range(len(state.runs)):
            assert state.stage[: len(expected), r].tolist() == expected
