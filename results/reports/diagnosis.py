"""What the report of a diagnosis says: where we stand, what moved, what would help."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

import pandas as pd

from ..figures.diagnosis import change_figure, follows_figure, map_figure, values_figure
from ..page import Drawn, Page, Table, Tables
from . import diagnosis_moved as moved
from . import diagnosis_text as text

EVERYBODY = "everybody"
GROUPS = ("everybody", "staff", "manager", "peer advocate")


def of_diagnosis(title: str, tables: Tables, work: Mapping[str, Any]) -> Page:
    """The page of `valign diagnose`."""
    innovation = str(work.get("innovation", "the innovation"))
    two = "change" in tables
    question = f"Where do we stand with {innovation}" + (
        ", and what moved since the first questionnaire?" if two else "?"
    )
    return Page(
        question,
        text.READING,
        text.findings(tables, innovation),
        text.certainty(tables),
        text.cautions(tables),
        _figures(tables, innovation),
        _tables(tables),
        (),
        text.WORDS,
    )


def _figures(tables: Tables, innovation: str) -> list[Drawn]:
    values, services = tables["values"], tables["by_service"]
    groups = [name for name in GROUPS if (values["group"] == name).any()]
    worst = values[values["group"] == EVERYBODY].sort_values("lost", ascending=False)
    told = "; ".join(
        f"{row.words}: stands for {row.intended:.2f}, valued at {row.own:.2f}, read as {row.reads:.2f}"
        for row in worst.itertuples()
    )
    drawn = [
        Drawn(
            "values",
            partial(values_figure, values, f"What people value, and what {innovation} stands for", groups),
            f"A panel for each group, a row for each value, with intervals. Everybody: {told}.",
            values,
        )
    ]
    if services["climate"].notna().any():
        placed = "; ".join(f"{row.service} {row.fit:.2f} and {row.climate:.2f}" for row in services.itertuples())
        drawn.append(
            Drawn(
                "services-map",
                partial(map_figure, services, "Services by alignment and climate"),
                f"Each service by alignment and climate, with intervals: {placed}.",
                services,
                "Which services are aligned, and which have the support?",
            )
        )
    if "change" in tables:
        rows = moved.entries(tables["change"])
        told = "; ".join(f"{row.words}: {row.value:+.3f}" for row in rows.itertuples())
        drawn.append(
            Drawn(
                "moved",
                partial(change_figure, rows, "What moved how well people say it fits, between the questionnaires"),
                f"Points with intervals, what each entry adds to the change of alignment. {told}.",
                rows,
                "What moved?",
            )
        )
    if "follows" in tables:
        rows = text.moves(tables["follows"])
        months, runs = (int(tables["follows"][name].iloc[0]) for name in ("months", "runs"))
        told = "; ".join(f"{row.words}: {100 * row.value:+.1f} points" for row in rows.itertuples())
        drawn.append(
            Drawn(
                "levers",
                partial(follows_figure, rows, "What would move use most, in the model", months, runs),
                f"Points with intervals, the difference that each lever makes. {told}.",
                rows,
                "What would help?",
            )
        )
    return drawn


def standing(tables: Tables) -> list[Table]:
    """Who stands where: services and roles."""
    return [
        Table("Services, the most ready first", *_services(tables["by_service"])),
        Table(
            "Roles",
            ("role", "answers", "alignment (95 % interval)", "compared with everybody"),
            _standing(tables["by_role"], "role"),
        ),
    ]


def _tables(tables: Tables) -> list[Table]:
    found = [*standing(tables), Table("Values, everybody", *_values(tables["values"], EVERYBODY))]
    if len(tables["connectors"]):
        rows = [[r.person, r.service, str(r.services), str(r.people)] for r in tables["connectors"].itertuples()]
        found.append(
            Table("Who connects services", ("person", "service", "other services", "people there"), rows, words=True)
        )
    if "change" in tables:
        rows = [
            [r.words, moved.signed(r.value), f"{moved.signed(r.low)} to {moved.signed(r.high)}", moved.TOLD[r.told]]
            for r in moved.entries(tables["change"]).itertuples()
        ]
        found.append(
            Table(
                "What moved how well people say it fits", ("what", "change", "95 % interval", "what can be told"), rows
            )
        )
    if "pilots" in tables and len(tables["pilots"]):
        rows = [
            [r.service, text.points_between(r)]
            for r in tables["pilots"][tables["pilots"]["outcome"] == text.USE].itertuples()
        ]
        found.append(
            Table("One pilot, by where it starts", ("service", "what it adds to the share of people using it"), rows)
        )
    groups = [name for name in dict.fromkeys(tables["values"]["group"]) if name != EVERYBODY]
    rows = [[name, *row] for name in groups for row in _values(tables["values"], name)[1]]
    found.append(Table("Values by role and service", ("group", *_VALUES), rows, folded=True))
    if "change_services" in tables:
        rows = [
            [
                r.service,
                str(r.pairs),
                f"{moved.signed(r.change)} ({moved.signed(r.low)} to {moved.signed(r.high)})",
                "rose" if r.low > 0 else "fell" if r.high < 0 else moved.TOLD["unknown"],
            ]
            for r in tables["change_services"].itertuples()
        ]
        found.append(
            Table(
                "Change by service, those who answered twice",
                ("service", "people", "change of alignment (95 % interval)", "what can be told"),
                rows,
                folded=True,
            )
        )
    rows = [
        [r.file, f"{r.answers:,}" if r.answers else "", str(r.why), str(r.where)]
        for r in tables["answers"].itertuples()
    ]
    found.append(
        Table(
            "Answers used and not used",
            ("file", "single answers", "used or why not", "from whom or where"),
            rows,
            words=True,
            folded=True,
        )
    )
    return found


def _standing(table: pd.DataFrame, name: str) -> list[list[str]]:
    return [
        [
            getattr(r, name),
            f"{r.answers:,}",
            f"{r.fit:.2f} ({r.fit_low:.2f} to {r.fit_high:.2f})",
            text.STANDS[r.stands],
        ]
        for r in table.itertuples()
    ]


def _services(services: pd.DataFrame) -> tuple[tuple[str, ...], list[list[str]]]:
    rows = []
    for standing, r in zip(_standing(services, "service"), services.itertuples(), strict=True):
        people = f"{r.answers:,} of {r.people:,.0f}" if r.people < float("inf") else f"{r.answers:,}"
        climate = f"{r.climate:.2f} ({r.climate_low:.2f} to {r.climate_high:.2f})" if r.climate == r.climate else "–"
        rows.append([standing[0], people, standing[2], climate, f"{r.readiness:.2f}", standing[3]])
    return (
        "service",
        "people answering",
        "alignment (95 % interval)",
        "climate (95 % interval)",
        "readiness (what both add to the log-odds of taking it up)",
        "alignment compared with everybody",
    ), rows


_VALUES = ("value", "weight", "meant to stand for", "people value", "people read it as", "what the misfit is")


def _values(values: pd.DataFrame, group: str) -> tuple[tuple[str, ...], list[list[str]]]:
    part = values[values["group"] == group].sort_values("lost", ascending=False)
    return _VALUES, [
        [
            r.words,
            f"{100 * r.counts:.0f} %",
            f"{r.intended:.2f}",
            f"{r.own:.2f} ({r.own_low:.2f} to {r.own_high:.2f})",
            f"{r.reads:.2f} ({r.reads_low:.2f} to {r.reads_high:.2f})",
            text.KINDS[r.kind],
        ]
        for r in part.itertuples()
    ]
