"""One run of a society: drawn month by month, and told person by person and service by service."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import pandas as pd

from valign.experiments.bases import imported
from valign.experiments.simulate import society_from
from valign.model.errors import InputError
from valign.model.parameters import ROLES
from valign.model.scenario.scenario import Scenario
from valign.model.society.generate import Society
from valign.model.state.arrays import SERVICE_STAGES, STAGES
from valign.results import palette
from valign.results.palette import INK, MAIN
from valign.results.plain_text import escape

from . import charts
from .state import Settings
from .work import Question, computed, design_of

MOST_FOLLOWED = 1_000_000  # people x months of which everybody's state is kept while a run is summed up
WIDTH = 600  # of a drawing
MOST_DRAWN = 1_000  # people drawn one by one; more are summed up by service
GOLDEN = math.pi * (3 - math.sqrt(5))
STOPS = ((0.3, (255, 240, 190)), (0.55, (240, 170, 90)), (0.75, (190, 70, 110)), (1.0, (45, 16, 92)))  # light to dark
AFTER = {
    "started": "piloting",
    "started again": "piloting",
    "commissioned": "commissioned",
    "commissioned again": "commissioned",
    "went on without funding": "sustained",
    "abandoned": "abandoned",
    "was refused a pilot": "",  # and stays as it was
}
# weight of each term of a person's decision, by what happened: as in model/mechanisms/engagement/kernel.py
ENGAGING = (
    ("z", "fit_effect", 1),
    ("engaged_ties", "peer_effect", 1),
    ("norm", "norm_effect", 1),
    ("evidence", "evidence_effect", 1),
    ("climate", "climate_effect", 1),
    ("identification", "identity_effect", 1),
    ("workload", "workload_effect", -1),
)
LASTING = (("z", "lapse_fit", 1), ("disapproval", "disapproval", -1))
WEIGHTS = {"engaged": ENGAGING, "engaged again": LASTING, "lapsed": tuple((t, p, -sign) for t, p, sign in LASTING)}
TERMS = {
    "z": "alignment, in units of fit from the reference",
    "engaged_ties": "share of ties who are engaged",
    "norm": "share of the service who are engaged",
    "evidence": "perceived evidence",
    "climate": "climate of the service",
    "identification": "identification",
    "workload": "workload",
    "disapproval": "disapproval by manager or commissioner",
    "base": "base",
    "fit": "fit of values",
    "peers": "neighbouring services",
    "legitimacy": "how many use it",
    "slack": "own slack",
    "funds": "national money for pilots",
    "mandate": "mandate",
    "relationship": "relationship with the commissioner",
    "cost": "price against others",
    "score": "score, in all",
    "reservation": "score that is needed",
    "money": "money left, £1,000 a year",
    "price": "price, £1,000 a year",
    "burden": "running cost that slack does not cover",
    "share_engaged": "share of people engaged",
    "months_under": "months under the threshold",
}


@dataclass(frozen=True, eq=False)
class Story:
    """One run, followed. people: arrays months + 1 x people by column of `Outcomes.agents` (None where too many).

    services: months + 1 x services by name (alignment, engaged). stages: the same, as numbers of SERVICE_STAGES.
    """

    scenario: Scenario
    society: Society
    names: Sequence[str]
    people: Mapping[str, np.ndarray] | None
    services: Mapping[str, np.ndarray]
    stages: np.ndarray
    events: pd.DataFrame
    remark: str = ""

    @property
    def months(self) -> int:
        return len(self.stages) - 1

    def person(self, row: int) -> str:
        """What a person is called: role and number in the service, or the id of the survey."""
        if self.society.ids is not None:
            return f"{ROLES[self.society.role[row]]} {self.society.ids[row]}"
        first = self.society.first[self.society.organisation[row]]
        same = np.count_nonzero(self.society.role[first : row + 1] == self.society.role[row])
        return f"{ROLES[self.society.role[row]]} {same}"


def followed(question: Question, run: int = 0) -> Story:
    """Run number `run` of a question once more, everybody followed. Raises InputError where there is no such run."""
    settings, people, remark = question.settings, question.people(), ""
    months = settings.base().months
    if people * months > MOST_FOLLOWED:
        months = MOST_FOLLOWED // people
        if months < 2:
            raise InputError([f"{people:,} people are too many to follow one by one"])
        remark = f"{people:,} people are followed for the first {months} months."
        if any(change.month > months for change in settings.base().changes):
            raise InputError(
                [
                    f"{people:,} people can be followed for {months} months only, which is before a scheduled "
                    "change; fewer people can be followed for longer"
                ]
            )
        settings = Settings(**{**vars(settings), "months": months})
        question = Question(settings, question.society)
    design = design_of(question)
    if not 0 <= run < len(design):
        raise InputError([f"run {run + 1}: there are {len(design)} runs"])
    found = computed(question, design.iloc[[run]], ("events", "agents"))
    if found.runs["status"].iloc[0] != "ok":
        raise InputError([found.runs["status"].iloc[0]])
    base = settings.base()
    society = imported(base, question.society) or society_from(base, int(design["society_seed"].iloc[run]))
    table, services, rows = found.agents, len(society.key), len(society.role)
    arrays = {
        name: table[name].to_numpy().reshape(months + 1, rows)
        for name in ("alignment", "identification", "clarity", "exposure", *base.dimensions)
    }
    arrays |= {
        "stage": table["stage"].cat.codes.to_numpy().reshape(months + 1, rows),
        "holder": table["holder"].to_numpy().reshape(months + 1, rows),
    }
    first, members = society.first[:-2], np.diff(society.first[:-1])
    means = {
        name: np.add.reduceat(values[:, : society.first[-2]], first, axis=1) / members
        for name, values in (
            ("alignment", arrays["alignment"]),
            ("engaged", (arrays["stage"] == STAGES.index("engaged")).astype(float)),
        )
    }
    stages = np.empty((months + 1, services), int)
    stages[:] = [SERVICE_STAGES.index(base.organisations[group].stage) for group in society.group]
    for event in found.events[found.events["person"] < 0].itertuples():
        if after := AFTER[event.what]:
            stages[event.month :, event.service] = SERVICE_STAGES.index(after)
    return Story(
        settings.whole(),
        society,
        society.service_names(base),
        arrays if rows <= MOST_DRAWN else None,
        means,
        stages,
        found.events,
        remark,
    )


# --- drawn -----------------------------------------------------------------------------------------------------------
def colour(alignment: float) -> str:
    """Light for little alignment, dark for much."""
    if math.isnan(alignment):
        return "#cccccc"
    value = min(max(alignment, STOPS[0][0]), STOPS[-1][0])
    (a, low), (b, high) = next(pair for pair in pairwise(STOPS) if value <= pair[1][0])
    share = (value - a) / (b - a)
    return "#" + "".join(f"{round(p + share * (q - p)):02x}" for p, q in zip(low, high, strict=True))


def mark(role: int, x: float, y: float, r: float) -> str:
    """Shape of a role: staff round, managers square, peers triangular, commissioners a diamond."""
    if role == 0:
        return f'<circle cx="{x:.1f}" cy="{y:.1f}" r="{r:.1f}"'
    corners = {
        1: ((-1, -1), (1, -1), (1, 1), (-1, 1)),
        2: ((0, -1.3), (1.2, 0.9), (-1.2, 0.9)),
        3: ((0, -1.4), (1.4, 0), (0, 1.4), (-1.4, 0)),
    }[role]
    return f'<polygon points="{" ".join(f"{x + a * r:.1f},{y + b * r:.1f}" for a, b in corners)}"'


def places(society: Society, width: int = WIDTH) -> tuple[np.ndarray, np.ndarray, float, int]:
    """Where everybody stands [people x 2], centres of the services, radius of a mark, height of the drawing."""
    services = len(society.key)
    columns = max(1, min(services, round(math.sqrt(services * 1.9))))
    cell, most = width / columns, max(1, int(np.diff(society.first[:-1]).max()))
    r = float(min(9.0, max(2.6, (cell / 2 - 12) / (2.3 * math.sqrt(most)))))
    high = min(cell, 2 * 2.25 * r * math.sqrt(most) + 46)
    place, centre = np.empty((len(society.role), 2)), np.empty((services, 2))
    for o in range(services):
        centre[o] = cell * (o % columns + 0.5), 70 + high * (o // columns + 0.5)
        for n, row in enumerate(range(society.first[o], society.first[o + 1])):
            far = 2.05 * r * math.sqrt(n)
            place[row] = centre[o] + (far * math.cos(GOLDEN * n), far * math.sin(GOLDEN * n))
    above = range(society.first[services], len(society.role))
    for n, row in enumerate(above):
        place[row] = width * (n + 1) / (len(above) + 1), 42
    return place, centre, r, int(80 + high * math.ceil(services / columns))


def drawing(story: Story, month: int, chosen: str = "") -> str:
    """The society in a month. chosen: "p12" (a person: their ties are drawn) or "s3" (a service)."""
    return _people(story, month, chosen) if story.people is not None else _services(story, month, chosen)


def _people(story: Story, month: int, chosen: str) -> str:
    society, people = story.society, story.people
    place, centre, r, height = places(society)
    drawn = []
    for o, (x, y) in enumerate(centre):
        size = 2.05 * r * math.sqrt(max(1, society.first[o + 1] - society.first[o])) + 1.6 * r
        stage = SERVICE_STAGES[story.stages[month, o]]
        drawn.append(
            f'<g data-pick="s{o}" class="pick"><title>{escape(story.names[o])}, {stage}</title><circle cx="{x:.1f}" '
            f'cy="{y:.1f}" r="{size:.1f}" {SERVICE_STYLE[stage]} stroke-width="{3 if chosen == f"s{o}" else 1.5}"/>'
            f'<text x="{x:.1f}" y="{y - size - 4:.1f}" text-anchor="middle" fill="{INK}">'
            f"{escape(story.names[o][:22])}: {stage}</text></g>"
        )
    if chosen.startswith("p"):
        row = int(chosen[1:])
        for other in society.neighbour[society.tie_start[row] : society.tie_start[row + 1]]:
            (a, b), (c, d) = place[row], place[other]
            drawn.append(
                f'<line x1="{a:.1f}" y1="{b:.1f}" x2="{c:.1f}" y2="{d:.1f}" stroke="{charts.MUTED}" opacity=".7"/>'
            )
    for row, (x, y) in enumerate(place):
        stage = STAGES[people["stage"][month, row]]
        style = PERSON_STYLE[stage] if chosen != f"p{row}" else f'stroke="{palette.CHOSEN}" stroke-width="3"'
        drawn.append(
            f'<g data-pick="p{row}" class="pick"><title>{escape(story.person(row))}, {stage}</title>'
            f'{mark(society.role[row], x, y, r)} fill="{colour(people["alignment"][month, row])}" {style}/></g>'
        )
    return charts.frame(f"Month {month}", "".join(drawn), WIDTH, height, in_words(story, month))


PERSON_STYLE = {
    "unaware": 'stroke="#aaaaaa" stroke-width=".7" opacity=".75"',
    "aware": 'stroke="#555555" stroke-width=".8"',
    "engaged": f'stroke="{INK}" stroke-width="2.6"',
    "lapsed": f'stroke="{INK}" stroke-width="1.6" stroke-dasharray="2 2"',
}
SERVICE_STYLE = {
    "outside": 'fill="#fafafa" stroke="#bbbbbb"',
    "piloting": f'fill="#eef3f8" stroke="{MAIN}" stroke-dasharray="5 3"',
    "commissioned": f'fill="#dde9f4" stroke="{MAIN}"',
    "sustained": f'fill="#e6f0de" stroke="{palette.FURTHER[0]}"',
    "abandoned": 'fill="#f0f0f0" stroke="#777777" stroke-dasharray="1 3"',
}


def _services(story: Story, month: int, chosen: str) -> str:
    """A tile for each service: colour for mean alignment, a bar for the share engaged."""
    services = len(story.names)
    columns = max(1, math.ceil(math.sqrt(services * 2)))
    size = WIDTH / columns
    drawn = []
    for o in range(services):
        x, y = size * (o % columns), 26 + size * (o // columns)
        stage, share = SERVICE_STAGES[story.stages[month, o]], story.services["engaged"][month, o]
        box = size * 0.88
        faint = 0.35 if stage in ("outside", "abandoned") else 1
        drawn.append(
            f'<g data-pick="s{o}" class="pick"><title>{escape(story.names[o])}, {stage}: {100 * share:.0f} % engaged'
            f'</title><rect x="{x:.1f}" y="{y:.1f}" width="{box:.1f}" height="{box:.1f}" '
            f'fill="{colour(story.services["alignment"][month, o])}" opacity="{faint}" '
            f'stroke="{palette.CHOSEN if chosen == f"s{o}" else "none"}" stroke-width="2"/><rect x="{x:.1f}" '
            f'y="{y + box * 0.8:.1f}" width="{box * share:.1f}" height="{box * 0.2:.1f}" fill="{INK}"/></g>'
        )
    return charts.frame(
        f"Month {month}: services",
        "".join(drawn),
        WIDTH,
        int(40 + size * math.ceil(services / columns)),
        in_words(story, month),
    )


def in_words(story: Story, month: int) -> str:
    """A month in a sentence."""
    engaged, aligned = story.services["engaged"][month], story.services["alignment"][month]
    size = np.diff(story.society.first[:-1])
    counts = [
        f"{np.count_nonzero(story.stages[month] == n)} {name}"
        for n, name in enumerate(SERVICE_STAGES)
        if np.any(story.stages[month] == n)
    ]
    return (
        f"Month {month}: {len(story.names)} services ({', '.join(counts)}); "
        f"{100 * (engaged * size).sum() / size.sum():.0f} % "
        f"of people engaged, mean alignment {(aligned * size).sum() / size.sum():.2f}."
    )


def legend(story: Story) -> str:
    """What shapes, colours and outlines mean."""
    steps = "".join(
        f'<rect x="{88 + 34 * n}" y="4" width="34" height="12" fill="{colour(value)}"/><text x="{105 + 34 * n}" '
        f'y="28" text-anchor="middle">{value:.1f}</text>'
        for n, value in enumerate((0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9))
    )
    drawn, height = [f'<text x="4" y="15">alignment</text>{steps}'], 36
    if story.people is None:
        drawn.append('<text x="345" y="15">black bar: share engaged</text><text x="345" y="30">pale: not in use</text>')
    else:
        height = 76
        drawn += [
            f'{mark(n, 95 + 128 * n, 46, 6)} fill="#999" stroke="{INK}"/><text x="{107 + 128 * n}" y="50">{role}</text>'
            for n, role in enumerate(ROLES)
        ]
        drawn += [
            f'{mark(0, 95 + 128 * n, 66, 6)} fill="#ddd" {PERSON_STYLE[stage]}/>'
            f'<text x="{107 + 128 * n}" y="70">{stage}</text>'
            for n, stage in enumerate(STAGES)
        ]
    return (
        f'<svg viewBox="0 0 {WIDTH} {height}" class="chart" font-size="12" aria-hidden="true" '
        f'font-family="system-ui, sans-serif">{"".join(drawn)}</svg>'
    )


# --- told ------------------------------------------------------------------------------------------------------------
def told(story: Story, chosen: str, month: int) -> str:
    """A person or a service in words: values beside the innovation's, history, decisions with their terms."""
    row = int(chosen[1:])
    return _person_told(story, row, month) if chosen.startswith("p") else _service_told(story, row, month)


def _values(story: Story, rows: Sequence[int], month: int, who: str) -> str:
    innovation = story.scenario.innovation
    total = sum(innovation.emphasis.values()) or 1.0
    lines = []
    for name in sorted(story.scenario.dimensions, key=lambda each: -innovation.emphasis[each]):
        own, wanted = float(story.people[name][month, rows].mean()), innovation.values[name]
        lines.append(
            [
                name.replace("_", " "),
                f"{innovation.emphasis[name] / total:.2f}",
                f"{own:.2f}",
                f"{wanted:.2f}",
                f"{own - wanted:+.2f}",
            ]
        )
    return charts.table(["value", "emphasis", who, "innovation", "gap"], lines, f"Values in month {month}")


def _history(story: Story, lines: Mapping[str, np.ndarray], title: str) -> str:
    drawn = [
        charts.Line(
            name,
            pd.DataFrame({"month": np.arange(len(values)), "value": values}),
            charts.ORDERED[n],
            charts.DASHES[n],
            "value",
            (),
        )
        for n, (name, values) in enumerate(lines.items())
    ]
    return charts.curves(title, drawn, width=430, height=210, write=lambda value: f"{value:.2f}", room=140)


def _person_told(story: Story, row: int, month: int) -> str:
    people, society = story.people, story.society
    o = society.organisation[row]
    where = story.names[o] if o < len(story.names) else "funds services"
    stage, holder = STAGES[people["stage"][month, row]], int(people["holder"][month, row])
    others = f" Holder number {holder + 1} of this post." if holder else ""
    history = {name: people[name][:, row] for name in ("alignment", "identification")} | {
        "engaged ties": people["exposure"][:, row]
    }
    return (
        f"<h3>{escape(story.person(row))} · {escape(where)}</h3><p>Month {month}: {stage}; alignment "
        f"{people['alignment'][month, row]:.2f}.{others}</p>{_values(story, [row], month, 'this person')}"
        f"{_history(story, history, 'History')}<h4>What happened, and why</h4>"
        f"{_happened(story, story.events[story.events['person'] == row], month)}"
    )


def _service_told(story: Story, o: int, month: int) -> str:
    rows = range(story.society.first[o], story.society.first[o + 1])
    history = {name: values[:, o] for name, values in story.services.items()}
    values = _values(story, list(rows), month, "mean of members") if story.people is not None else ""
    own = story.events[(story.events["service"] == o) & (story.events["person"] < 0)]
    return (
        f"<h3>{escape(story.names[o])}</h3><p>Month {month}: {SERVICE_STAGES[story.stages[month, o]]}; "
        f"{len(rows)} people, "
        f"{100 * story.services['engaged'][month, o]:.0f} % engaged, mean alignment "
        f"{story.services['alignment'][month, o]:.2f}.</p>{values}{_history(story, history, 'History')}"
        f"<h4>What happened, and why</h4>{_happened(story, own, month)}"
    )


def _happened(story: Story, events: pd.DataFrame, month: int) -> str:
    """Events up to a month, the latest first, each with the terms of its decision."""
    events = events[events["month"] <= month]
    if events.empty:
        return "<p>Nothing yet.</p>"
    return "".join(
        f"<details{' open' if n == 0 else ''}><summary>month {event.month}: {escape(event.what)}</summary>"
        f"{why(story.scenario, event.what, event.terms)}</details>"
        for n, event in enumerate(events.iloc[::-1].itertuples())
    )


def why(scenario: Scenario, what: str, terms: Mapping[str, float]) -> str:
    """The terms of a decision: what weighed how much, and how the draw fell."""
    if not terms:
        return "<p>This follows from a chance or a rule alone, without terms that weigh.</p>"
    rows, changed = [], {change.parameter for change in scenario.changes}
    weights = WEIGHTS.get(what, ())
    known = not changed & {parameter for _, parameter, _ in weights}
    rest = terms.get("eta", 0.0)
    for term, parameter, sign in weights:
        part = sign * scenario.value(parameter) * terms[term]
        rest -= part
        rows.append([TERMS[term], f"{terms[term]:.2f}", f"{part:+.2f}" if known else "-"])
    if weights:
        rows.append(["base, lasting differences, interactions", "", f"{rest:+.2f}" if known else "-"])
        rows.append(["sum (log odds)", "", f"{terms['eta']:+.2f}"])
        table = charts.table(["what weighed", "value", "adds"], rows)
    else:
        rows = [[TERMS[name], f"{value:.2f}"] for name, value in terms.items() if name in TERMS]
        table = charts.table(["what weighed", "value"], rows) if rows else ""
    if "probability" in terms and terms["probability"] == terms["probability"]:
        table += (
            f"<p>The chance in that month was {100 * terms['probability']:.1f} %; the draw was "
            f"{terms['draw']:.3f} of 1 (it happens when the draw is below the chance).</p>"
        )
    return table
