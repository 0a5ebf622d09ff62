"""What can be done in a scenario: actions by intensity, place and start, what each costs, and mixes of them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations, product

import numpy as np

from valign.model.errors import InputError, unknown
from valign.model.scenario.scenario import Scenario
from valign.model.society.generate import Society
from valign.model.state.arrays import COMMISSIONER, STAFF
from valign.results.vocabulary import listed

from ..actions.declaration import Action
from ..bases import imported
from ..design import whole

STARTS = (1, 13, 25)  # months in which an action may begin
PILOTS = (1, 2, 3, 5, 10, 20)  # how many services a fund may pay for
MOST_ACTIONS = 3  # in a mix


@dataclass(frozen=True)
class Place:
    """Where: `services` by name (none: everywhere), and how that is said."""

    name: str
    services: tuple[str, ...] = ()


@dataclass(frozen=True)
class Wait:
    """What is looked at in the month in which an action would start: where it does not hold, nothing is done.

    series : as of a scheduled change (`Condition`). threshold : in its unit. below : less than it, else at least.
    services : whose people or stages are looked at (none: all).
    """

    series: str
    threshold: float
    below: bool
    services: tuple[str, ...] = ()


@dataclass(frozen=True)
class Option:
    """An action at one intensity (its number), in a place, from the month `start` on; wait : only if that holds
    then.
    """

    action: Action
    intensity: int
    place: Place
    start: int
    wait: Wait | None = None

    @property
    def key(self) -> str:
        """Stands for the option in tables and files."""
        waits = (
            ""
            if self.wait is None
            else f"/{self.wait.series} {'<' if self.wait.below else '>='} {self.wait.threshold:g}"
        )
        step = self.action.intensities[self.intensity].name
        return f"{self.action.id}/{step}/{self.place.name}/{self.start}{waits}"

    @property
    def done(self) -> str:
        """What is done, in words, without where and when."""
        steps = self.action.intensities
        return f"{self.action.name} ({steps[self.intensity].name})" if len(steps) > 1 else self.action.name

    @property
    def label(self) -> str:
        """In words."""
        return mix_label((self,))


def with_horizon(scenario: Scenario, horizon: int) -> Scenario:
    """The scenario for so many months; what is scheduled later does not happen."""
    months = whole("horizon", horizon, 12, 1200)
    raw = scenario.to_mapping() | {"months": months}
    raw["changes"] = [each for each in raw.get("changes", []) if each["month"] <= months]
    return Scenario.from_mapping(raw, scenario.name, scenario.folder)


Mix = tuple[Option, ...]
NOTHING: Mix = ()


def mix_key(mix: Mix) -> str:
    return " + ".join(each.key for each in mix) or "nothing"


def mix_label(mix: Mix) -> str:
    """A mix in words: what is done in one place from one month on stands together."""
    together: dict[tuple[str, int], list[str]] = {}
    for option in sorted(mix, key=lambda each: each.start):
        together.setdefault((option.place.name if option.place.services else "", option.start), []).append(option.done)
    parts = [
        f"{listed(done)}{f', {place},' if place else ''} from month {start}"
        for (place, start), done in together.items()
    ]
    return "; ".join(parts) or "Do nothing"


@dataclass(frozen=True)
class Ground:
    """What costs and places depend on.

    scenario : with the horizon of the decision. services : names, as a change may name them. many : how many services
    each stands for: one; of an imported society all of a group, where the tables' names are not the scenario's.
    staff : mean number in each. using : whether it uses the innovation at the start. commissioners : how many.
    price : of the innovation, £ per staff member and year. society : imported, else None.
    """

    scenario: Scenario
    services: tuple[str, ...]
    many: tuple[int, ...]
    staff: tuple[int, ...]
    using: tuple[bool, ...]
    commissioners: int
    price: float
    society: Society | None = None

    @classmethod
    def of(cls, scenario: Scenario) -> Ground:
        """Services, staff and commissioners are those that run: of the tables, where the scenario has some."""
        society = imported(scenario, None)
        groups = scenario.organisations
        if society is None:
            of = [scenario.group_of_service(name) for name in scenario.service_names()]
            units = [(name, 1, groups[n].staff, n) for name, n in zip(scenario.service_names(), of, strict=True)]
            commissioners = scenario.commissioners.count
        else:
            units = _imported(scenario, society)
            commissioners = int((society.role == COMMISSIONER).sum())
        names, many, staff, of_group = zip(*units, strict=True)
        using = tuple(groups[n].stage != "outside" for n in of_group)
        price = 1000.0 * scenario.value("innovation.cost")
        return cls(scenario, names, many, staff, using, commissioners, price, society)

    @property
    def people(self) -> int:
        """Everybody, commissioners too."""
        return self.scenario.people() if self.society is None else len(self.society.role)

    @property
    def using_each(self) -> np.ndarray:
        """`using` of every service, where one name stands for several."""
        return np.repeat(self.using, self.many)

    def count(self, services: Sequence[str]) -> int:
        """How many services are meant by these names."""
        return sum(n for name, n in zip(self.services, self.many, strict=True) if name in services)

    def places(self, action: Action) -> list[Place]:
        """Where an action can be done; none where no service can take it."""
        if action.reach == "everywhere":
            return [Place("everywhere")]
        able = {"any": (True, False), "using": (True,), "not using": (False,)}[action.at]
        kinds = {
            kind: [s for s, using in zip(self.services, self.using, strict=True) if using == kind] for kind in able
        }
        kinds = {kind: services for kind, services in kinds.items() if services}
        if action.cost.per == "price of the model of care" and action.at == "not using":
            services = kinds.get(False, [])
            counts = [n for n in PILOTS if n < len(services)] + [len(services)] * bool(services)
            return [self._place(services[:n], services, "not using it yet") for n in counts]
        alike = len(set(self.using)) == 1  # then nobody asks which
        found = [self._place(services, services, "" if alike else WORDS[kind]) for kind, services in kinds.items()]
        if len(kinds) > 1:
            found.insert(0, Place(f"in all {sum(self.many)} services", tuple(self.services)))
        for kind, services in kinds.items():
            if len(services) >= 6:
                found.append(self._place(services[: len(services) // 3], services, WORDS[kind]))
        return found

    def _place(self, chosen: Sequence[str], of: Sequence[str], what: str) -> Place:
        """Some of the services of a kind, and how that is said."""
        return Place(_counted(self.count(chosen), self.count(of), what), tuple(chosen))

    def cost(self, option: Option) -> tuple[float, float, float]:
        """£: low, likely, high, of an option up to the horizon."""
        cost, horizon = option.action.cost, self.scenario.months
        left = horizon - option.start + 1
        years = min(option.action.months or left, left) / 12
        staff = sum(
            n
            for s, n in zip(self.services, self.staff, strict=True)
            if s in option.place.services or not option.place.services
        )
        units = {
            "service and year": self.count(option.place.services) * years,
            "staff member and year": staff * years,
            "commissioner and year": self.commissioners * years,
            "scheme and year": years,
            "scheme": 1.0,
            "price of the model of care": self.price * staff * years,
        }[cost.per] * option.action.intensities[option.intensity].cost
        return cost.low * units, cost.likely * units, cost.high * units

    def cost_of_mix(self, mix: Mix) -> tuple[float, float, float]:
        low, likely, high = (sum(parts) for parts in zip((0.0, 0.0, 0.0), *map(self.cost, mix), strict=True))
        return low, likely, high


def _imported(scenario: Scenario, society: Society) -> list[tuple[str, int, int, int]]:
    """Name, number of services, staff and group of what a change can name of an imported society: each service, or,
    where one of a group has a name that the scenario does not know, the group as a whole.
    """
    names = society.service_names(scenario)
    staff = np.bincount(society.organisation[society.role == STAFF], minlength=len(names))
    known, found = set(scenario.service_names()), []
    for group in np.unique(society.group).tolist():
        rows = np.flatnonzero(society.group == group).tolist()
        if all(names[row] in known for row in rows):
            found += [(names[row], 1, int(staff[row]), group) for row in rows]
        else:
            found.append((scenario.organisations[group].name, len(rows), int(staff[rows].sum()), group))
    return found


WORDS = {True: "using it", False: "not using it yet"}


def _counted(n: int, of: int, what: str) -> str:
    of_kind = f" {what}" if what else ""
    if n < of:
        return f"in {n} of the {of} services{of_kind}"
    return {1: f"in the service{of_kind}", 2: f"in both services{of_kind}"}.get(of, f"in all {of} services{of_kind}")


def options_of(ground: Ground, actions: Sequence[Action], starts: Sequence[int], budget: float) -> list[Option]:
    """Everything that can be done by itself within the budget (£, at the likely cost), actions one after the other."""
    return [
        option
        for action in actions
        for place, start, intensity in product(ground.places(action), starts, range(len(action.intensities)))
        if start + action.to_effect <= ground.scenario.months
        for option in (Option(action, intensity, place, start),)
        if ground.cost(option)[1] <= budget
    ]


def compatible(mix: Mix) -> bool:
    """Whether all of it can be done together: an action once, and nothing beside what excludes it."""
    ids = [each.action.id for each in mix]
    return len(set(ids)) == len(ids) and not any(set(each.action.excludes) & set(ids) for each in mix)


def mixes_of(ground: Ground, options: Sequence[Option], budget: float, most: int = MOST_ACTIONS) -> Iterator[Mix]:
    """All mixes of up to `most` options within the budget, nothing first, then by size in the order of the options."""
    costs = {each.key: ground.cost(each)[1] for each in options}
    for size in range(min(most, len(options)) + 1):
        for mix in combinations(options, size):
            if sum(costs[each.key] for each in mix) <= budget and compatible(mix):
                yield mix


def chosen_actions(
    actions: Sequence[Action], must: Sequence[str], never: Sequence[str]
) -> tuple[list[Action], list[Action]]:
    """The actions that may be taken, and those of them that have to be.

    Raises InputError for unknown names, what is both a must and a never, and two musts that exclude each other.
    """
    by_id = {each.id: each for each in actions}
    problems = [
        f"--{how} {unknown(name, by_id, 'action')}"
        for how, names in (("must", must), ("never", never))
        for name in names
        if name not in by_id
    ]
    problems += [f"{name!r} is given with --must and with --never" for name in must if name in never]
    needed = [by_id[name] for name in dict.fromkeys(must) if name in by_id]
    for n, one in enumerate(needed):
        problems += [
            f"--must {one.id} and --must {other.id}: one excludes the other"
            for other in needed[n + 1 :]
            if other.id in one.excludes or one.id in other.excludes
        ]
    if len(needed) > MOST_ACTIONS:
        problems.append(f"--must: {len(needed)} actions; a mix has at most {MOST_ACTIONS}")
    if problems:
        raise InputError(problems)
    return [each for each in actions if each.id not in never], needed
