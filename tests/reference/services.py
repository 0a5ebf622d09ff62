"""Services: what the people of a service share (ODD §1)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from . import draws
from .agents import Person
from .perception import Vector, clip, mean

if TYPE_CHECKING:
    from .model import ReferenceModel

OUTSIDE, PILOTING, COMMISSIONED, SUSTAINED, ABANDONED = range(5)
STAGES = ("outside", "piloting", "commissioned", "sustained", "abandoned")


class Service:
    """A service, its stage, its local version and its client group.

    `settings` are the parameters of scope organisation as they hold here now; `results` is None in months
    without results, `running_results` the channel-wise mean since the last start and the months in it.
    """

    def __init__(
        self,
        model: ReferenceModel,
        number: int,
        names: set[str],
        key: int,
        settings: dict[str, float],
        lasting_normals: tuple[float, float, float],
        client_values: Vector,
        stage: str,
    ) -> None:
        self.model, self.number, self.settings, self.client_values = model, number, settings, client_values
        self.names = names  # its own and its group's
        self.ident = (draws.SERVICE_ID, key)
        self.key = key
        self.lasting_normals = lasting_normals  # of leadership, slack and co-production
        self.members: list[Person] = []
        self.managers: list[Person] = []
        self.deliverers: list[Person] = []  # staff and peers
        self.staff_posts = 0
        self.neighbours: list[Service] = []  # the distinct services that between-service ties lead to
        self.commissioner: Person | None = None
        self.shared_normals = draws.normals(model.draws, self.ident, 0, draws.VALUES, model.K)
        self.team_normals: dict[int, Vector] = {}
        self.stage = STAGES.index(stage)
        self.nationally_paid = self.stage != COMMISSIONED
        term = {PILOTING: "pilot_months", COMMISSIONED: "contract_months"}.get(self.stage)
        self.end_of_term = settings[term] if term else 0
        self.set_drift([0.0] * model.K)
        self.climate = 0.0
        self.months_under = 0
        self.forget_results()
        self.results: Vector | None = None
        self.results_precision = 0.0
        self.satisfaction = self.take_up = 0.75
        self.workload = self.reach = self.delivered_practice = 0.0
        self.participants: list[Person] = []
        self.present: list[Person] = []  # at this month's session, the commissioner too
        self.enacted = [float("nan")] * model.K

    def join(self, person: Person) -> None:
        """Take a person in, with the normals of their team on its first appearance (ODD §2)."""
        self.members.append(person)
        (self.managers if person.role == "manager" else self.deliverers).append(person)
        self.staff_posts += person.role == "staff"
        if person.team >= 0 and person.team not in self.team_normals:
            ident = (draws.TEAM_ID + person.team, self.key)
            self.team_normals[person.team] = draws.normals(self.model.draws, ident, 0, draws.VALUES, self.model.K)

    def uniform(self, word: int) -> float:
        return self.model.draws.uniform(self.ident, self.model.month, draws.MONTH, word)

    @property
    def in_use(self) -> bool:
        return PILOTING <= self.stage <= SUSTAINED

    @property
    def funded(self) -> bool:
        return self.stage in (PILOTING, COMMISSIONED)

    @property
    def paid_by_commissioner(self) -> bool:
        return self.funded and not self.nationally_paid

    def switched_on(self, name: str) -> bool:
        """Whether a setting of 0 or 1 holds: pilot_funds, mandate, funding (ODD §5.14)."""
        return self.settings[name] > 0.5

    def set_drift(self, drift: Vector) -> None:
        """A new drift δ of the local version, and with it the version m_o (ODD §3)."""
        self.drift = drift
        self.version = [clip(m + d) for m, d in zip(self.model.innovation_values, drift, strict=True)]

    # --- lasting differences (ODD §4) ---

    def leadership(self) -> float:
        return clip(
            self.settings["leadership_strength"] + self.model.parameters["leadership_sd"] * self.lasting_normals[0]
        )

    def slack(self) -> float:
        return clip(self.settings["slack"] + self.model.parameters["slack_sd"] * self.lasting_normals[1])

    def intensity(self) -> float:
        """Mean propensity to take part in co-production sessions."""
        if self.stage == ABANDONED:
            return 0.0
        mean_intensity = self.settings["coproduction_intensity" if self.in_use else "design_coproduction"]
        if mean_intensity <= 0:
            return 0.0
        return min(0.95, clip(mean_intensity + self.model.parameters["coproduction_sd"] * self.lasting_normals[2]))

    # --- what it does ---

    def engaged_share(self) -> float:
        """Share of staff and peers engaged; 0 without any (ODD §5.11)."""
        return mean(float(person.engaged) for person in self.deliverers)

    def clients(self) -> float:
        return self.settings["clients_per_staff"] * max(1, self.staff_posts)

    def price(self) -> float:
        """ODD §5.15."""
        return self.model.parameters["innovation.cost"] * max(1, self.staff_posts)

    def forget_results(self) -> None:
        self.running_results: Vector | None = None
        self.months_with_results = 0

    def note_results(self, results: Vector, precision: float) -> None:
        self.results, self.results_precision = results, precision
        n = self.months_with_results
        before = self.running_results or [0.0] * 3
        self.running_results = [(n * mean_y + y) / (n + 1) for mean_y, y in zip(before, results, strict=True)]
        self.months_with_results = n + 1

    def neighbours_in_use(self) -> float:
        """Share in use of the services tied to this one, N_o (ODD §5.14)."""
        return mean(float(service.in_use) for service in self.neighbours)
