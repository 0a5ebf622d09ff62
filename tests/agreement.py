"""Holds the compiled model against the reference model, month by month."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass

import numpy as np
from reference.model import Decision, ReferenceModel
from small import booked, by_service

from valign.model.errors import InputError
from valign.model.ledger.decomposition import BALANCES, ENTRIES
from valign.model.parameters import MECHANISMS
from valign.model.run.initial import build
from valign.model.run.month import month_steps, run_months
from valign.model.scenario.scenario import Scenario
from valign.model.society.generate import build_society
from valign.model.state.arrays import STAGES, State
from valign.model.state.scenario_arrays import lower

CLOSE = 1e-9  # a decision as close as this may fall either way
DISCRETE = {
    "stage": "stage", "first_engaged": "first_engaged", "holder": "holder", "read_published": "has_read",
    "took_part": "takes_part", "service_stage": "service_stage", "months_under": "months_under",
    "end_of_term": "term_end",
}  # fmt: skip
CONTINUOUS = {
    "values": "values", "original_values": "origin", "reading": "reading", "clarity": "clarity",
    "identification": "identification", "frailty": "frailty", "voice": "voice", "practice": "practice",
    "beliefs": "belief", "precision": "precision", "fit": "fit", "alignment": "alignment", "taking_part": "taking_part",
    "quality": "quality", "drift": "drift", "climate": "climate", "satisfaction": "satisfaction",
    "take_up": "take_up", "workload": "workload", "results_precision": "result_precision",
}  # fmt: skip
ROLES = ("staff", "manager", "peer", "commissioner")


@dataclass(frozen=True)
class Verdict:
    """What a comparison found: the first differences, or that a decision was too close to call."""

    months: int
    close: bool
    differences: tuple[str, ...]


def _differs(expected: np.ndarray, found: np.ndarray) -> np.ndarray:
    return ~(np.abs(found - expected) <= 1e-12 + 1e-10 * np.abs(expected))


def differences(expected: dict[str, np.ndarray], S: State, run: int, month: int) -> list[str]:
    """Where the state of one run of a block differs from the reference."""
    found = []
    for name, column in DISCRETE.items():
        if (expected[name] != getattr(S, column)[..., run]).any():
            where = np.argwhere(expected[name] != getattr(S, column)[..., run])[0]
            found.append(f"{name}{where.tolist()}")
    for name, column in CONTINUOUS.items():
        if name == "workload" and month == 0:
            continue  # read only once the month has set it
        wrong = _differs(expected[name], getattr(S, column)[..., run])
        if wrong.any():
            where = tuple(np.argwhere(wrong)[0])
            pair = expected[name][where], getattr(S, column)[(*where, run)]
            found.append(f"{name}{list(map(int, where))}: {pair}")
    results = S.result_precision[:, run] > 0
    if _differs(expected["results"][results], S.result[results, :, run]).any():
        found.append("results")
    counted = S.result_count[:, run] > 0
    if _differs(expected["running_results"][counted], S.result_mean[counted, :, run]).any():
        found.append("running_results")
    if S.switches[MECHANISMS.index("evidence")] and month and _differs(expected["enacted"], S.enacted[..., run]).any():
        found.append("enacted")
    commissioners = slice(int(S.first[len(S.setting)]), None)
    if _differs(expected["weights"][commissioners], S.weights[..., run]).any():
        found.append("weights")
    return [f"month {month}: {each}" for each in found]


def book(total: dict, S: State) -> None:
    """Add what was booked by service in a block of one run to sums named as the reference names them."""
    sums = booked(S, len(S.setting)).sum(axis=(3, 6))
    for balance, entry, o, role, stage in zip(*np.nonzero(sums), strict=True):
        mechanism, part = ENTRIES[entry]
        total[BALANCES[balance], mechanism, part, int(o), ROLES[role], int(stage)] += sums[
            balance, entry, o, role, stage
        ]


def ledger_differences(reference: ReferenceModel | Replay, booked: dict) -> list[str]:
    """Where the decompositions differ. The reference books moves between stages by mechanism; the ledger all in one."""
    expected: defaultdict[tuple, float] = defaultdict(float)
    for (balance, mechanism, part, organisation, role, stage), change in reference.decomposition.items():
        moves = part == "stage"
        innovation = mechanism == "changes" and part == "parameters"
        key = ("stage", "moves") if moves else (mechanism, "innovation" if innovation else part)
        expected[(balance, *key, organisation, str(role), stage)] += change
    return [
        f"decomposition {key}: {expected.get(key, 0.0)!r} {booked.get(key, 0.0)!r}"
        for key in sorted({*expected, *booked})
        if abs(expected.get(key, 0.0) - booked.get(key, 0.0)) > 1e-9
    ]


class Replay:
    """Months of a reference model, kept: more than one model can be compared with them."""

    def __init__(self, model: ReferenceModel, months: int) -> None:
        self._months = [(model.state(), model.decisions[:])]
        for _ in range(months):
            model.step()
            self._months.append((model.state(), model.decisions[:]))
        self.decomposition = dict(model.decomposition)
        self._month = 0

    def step(self) -> None:
        self._month += 1

    def state(self) -> dict[str, np.ndarray]:
        return self._months[self._month][0]

    @property
    def decisions(self) -> list[Decision]:
        return self._months[self._month][1]


def compare(
    scenario: Scenario,
    seed: int,
    *,
    width: int = 3,
    months: int | None = None,
    reference: ReferenceModel | Replay | None = None,
    accounting: bool = True,
) -> Verdict:
    """Run the reference (unless given), a block of width 1 with its decomposition (unless `accounting` is off), and one
    column of a wider block without."""
    society = build_society(scenario, seed)
    reference = reference or ReferenceModel(scenario, society, seed)
    lowered = lower(scenario)
    column = seed % width
    single = build(lowered, society, [seed], accounting=accounting)
    single = by_service(single) if accounting else single
    others = (
        [seed + r - column for r in range(width)]
        if seed >= width
        else [seed if r == column else 10**6 + r for r in range(width)]
    )
    try:
        block = build(lowered, society, others)
    except InputError:  # the level of alignment is out of reach for one of the others
        block = build(lowered, society, [seed] * width)
    total: defaultdict[tuple, float] = defaultdict(float)
    found = differences(reference.state(), single, 0, 0) + differences(reference.state(), block, column, 0)
    for month in range(1, (months or scenario.months) + 1):
        if found:
            return Verdict(month - 1, False, tuple(found))
        reference.step()
        run_months(single, month, month + 1, month_steps(single.switches, accounting))
        run_months(block, month, month + 1, month_steps(block.switches, False))
        if accounting:
            book(total, single)
        if any(decision.margin < CLOSE for decision in reference.decisions):
            return Verdict(month, True, ())
        expected = reference.state()
        found = differences(expected, single, 0, month) + differences(expected, block, column, month)
    booked_wrongly = ledger_differences(reference, total) if accounting else []
    return Verdict(scenario.months, False, tuple(found + booked_wrongly))


__all__ = ["STAGES", "Verdict", "compare"]
