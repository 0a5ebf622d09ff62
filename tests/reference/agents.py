"""People: one Mesa agent a post, with the state of its present holder (ODD §1)."""

from __future__ import annotations

from math import exp, log, sqrt
from typing import TYPE_CHECKING

import mesa

from . import draws, perception
from .perception import Vector, clip, mean_vector, normalised, toward

if TYPE_CHECKING:
    from .model import ReferenceModel
    from .services import Service

UNAWARE, AWARE, ENGAGED, LAPSED = range(4)
CHANNELS = ("financial", "economic", "social")
REFERENCE, SCALE = (1.0, 0.6, 0.2), (0.5, 0.5, 0.2)
ROLE_WEIGHTS = {"staff": (0.1, 0.3, 0.6), "manager": (0.4, 0.3, 0.3), "peer": (0.0, 0.2, 0.8)}
BASE_QUALITY = (0.5, 0.5, 0.3, 0.5, 0.4, 0.4)  # by kind of tie
TEAM, LINE, BETWEEN, PEER, COMMISSIONING, COMMISSIONERS = range(6)
KINDS = ("team", "line", "between", "peer", "commissioning", "commissioners")


class Tie:
    """An undirected tie between two people; its quality changes, its kind and ends do not."""

    def __init__(self, a: Person, b: Person, kind: int, quality: float) -> None:
        self.a, self.b, self.kind, self.quality = a, b, kind, quality


class Person(mesa.Agent):
    """A post and its holder. `manager` and `line_tie` are None where there is no line."""

    role = ""

    def __init__(
        self, model: ReferenceModel, row: int, ident: draws.Ident, service: Service | None, team: int, profile: str
    ) -> None:
        super().__init__(model)
        self.row, self.ident, self.service, self.team, self.profile = row, ident, service, team, profile
        self.ties: list[tuple[Person, Tie]] = []
        self.manager: Person | None = None
        self.line_tie: Tie | None = None
        self.holder = -1
        self.took_part = False
        self.z = 0.0
        self.given_stage = -1  # of a survey, at the start
        self.alignment = self.fit = 0.0
        self.judgement: float | None = None  # alignment of those who have judged

    def setting(self, name: str) -> float:
        """A parameter of scope organisation, read where the person works."""
        return self.service.settings[name] if self.service else self.model.parameters[name]

    def uniform(self, word: int) -> float:
        """This month's uniform draw for one use (ODD §2, purpose 0)."""
        return self.model.draws.uniform(self.ident, self.model.month, draws.MONTH, word)

    # --- entering (ODD §4) ---

    def raw_values(self, month: int, profile: str, brought_in: bool = False) -> Vector:
        """Values of an entrant before the lever of alignment and recruitment."""
        model, parameters = self.model, self.model.parameters
        service_share, team_share = parameters["service_share"], parameters["team_share"]
        own_share = max(0.0, 1.0 - service_share - team_share)
        purpose = draws.VALUES + (draws.BROUGHT_IN if brought_in else 0)
        own = draws.normals(model.draws, self.ident, month, purpose, model.K)
        zeta = [sqrt(own_share) * z for z in own]
        if self.service:
            zeta = [x + sqrt(service_share) * z for x, z in zip(zeta, self.service.shared_normals, strict=True)]
            if self.team >= 0:
                team_normals = self.service.team_normals[self.team]
                zeta = [x + sqrt(team_share) * z for x, z in zip(zeta, team_normals, strict=True)]
        for a, b, rho in model.value_correlations:
            zeta[b] = rho * zeta[a] + sqrt(1.0 - rho * rho) * zeta[b]
        mu = model.profiles[profile]
        return [clip(m + parameters["value_sd"] * x) for m, x in zip(mu, zeta, strict=True)]

    def levelled(self, raw: Vector, profile: str, s: float) -> Vector:
        """Values after the lever of alignment with strength s."""
        if self.role not in self.model.alignment_roles:
            return raw
        origin = self.model.profiles[profile] if self.model.alignment_mode == "shift" else raw
        return [clip(r + s * (m - o)) for r, m, o in zip(raw, self.model.innovation_values, origin, strict=True)]

    def enter(self, month: int, values: Vector, brought_in: bool = False) -> None:
        """A holder comes to the post: everything that is the holder's own starts."""
        model, parameters = self.model, self.model.parameters
        extra = draws.BROUGHT_IN if brought_in else 0
        self.holder += 1
        self.values, self.original_values = list(values), list(values)
        readings = draws.normals(model.draws, self.ident, month, draws.READINGS + extra, model.K)
        self.reading = [parameters["reading_sd"] * z for z in readings]
        self.clarity = clip(parameters["innovation.clarity"])
        self.frailty = parameters["frailty_sd"] * model.draws.normal(self.ident, month, draws.PERSON + extra, 0)
        self.taking_part = -log(1.0 - model.draws.uniform(self.ident, month, draws.PERSON + extra, 1))
        self.identification = 0.0
        self.practice = 0.2
        self.voice = parameters["voice_peer"] if self.role == "peer" else 1.0
        self.beliefs = [
            reference
            + scale * parameters["prior_scatter"] * model.draws.normal(self.ident, month, draws.BELIEFS + extra, e)
            for e, (reference, scale) in enumerate(zip(REFERENCE, SCALE, strict=True))
        ]
        self.precision = [1.0] * 3
        self.read_published = False
        self.first_engaged = -1
        self.took_part = False
        self.judgement = None
        self.stage = self.stage_on_entry(month)
        if self.engaged:
            self.first_engaged = 0

    def stage_on_entry(self, month: int) -> int:
        if month > 0:
            return AWARE if self.service.in_use else UNAWARE
        if self.given_stage >= 0:
            return self.given_stage
        u = self.model.draws.uniform(self.ident, 0, draws.PERSON, 3)
        if self.model.decide("engaged at the start", self, self.setting("initial_engagement"), u):
            return ENGAGED
        if self.model.everybody_aware:
            return AWARE
        u = self.model.draws.uniform(self.ident, 0, draws.PERSON, 2)
        return AWARE if self.model.decide("aware at the start", self, self.setting("initial_awareness"), u) else UNAWARE

    # --- perception and alignment (ODD §3) ---

    def version(self) -> Vector:
        """The version of the innovation that the person perceives, m̂."""
        return self.service.version

    def perceived(self, values: Vector | None = None) -> Vector:
        values = self.values if values is None else values
        projection = self.model.parameters["projection"]
        return perception.perceive(self.version(), self.clarity, self.reading, projection, values)

    def fit_with(self, values: Vector) -> float:
        """Fit that the person would have with these values."""
        return perception.alignment(self.model.metric, values, self.perceived(values), self.model.emphasis)

    def look(self) -> None:
        """Note present fit, alignment A and its standardised form z."""
        self.fit = self.fit_with(self.values)
        self.alignment = self.fit if self.judgement is None else self.judgement
        metric = self.model.metric
        self.z = (self.alignment - perception.REFERENCE[metric]) / perception.UNIT[metric]

    @property
    def aware(self) -> bool:
        return self.stage >= AWARE

    @property
    def engaged(self) -> bool:
        return self.stage == ENGAGED

    @property
    def disapproves(self) -> bool:
        """Knows the innovation, does not use it and is not aligned with it (ODD §5.13)."""
        if self.stage not in (AWARE, LAPSED):
            return False
        return not self.model.compare(f"{self.role} approves", self, self.z, 0.0, reach=True)

    # --- chances and moves, one month ---

    def chance_of_leaving(self) -> float:
        """ODD §5.2."""
        in_use = self.service is not None and self.service.in_use
        monthly = 1.0 - (1.0 - (0.15 if self.role == "commissioner" else self.setting(f"turnover_{self.role}"))) ** (
            1.0 / 12.0
        )
        fit = self.model.parameters["turnover_fit"] * self.z if in_use else 0.0
        return min(1.0, monthly * exp(-fit))

    def chance_of_awareness(self) -> float:
        """ODD §5.3."""
        by_ties = self.model.parameters["awareness_by_ties"]
        missed = 1.0 - self.setting("broadcast")
        if self.service.in_use:
            missed *= 1.0 - self.setting("awareness_in_service")
        for other, tie in self.ties:
            if other.engaged:
                missed *= 1.0 - by_ties * tie.quality
        return 1.0 - missed

    def drawn_by_ties(self) -> Vector:
        """Values after the influence of one's ties (ODD §5.4)."""
        parameters = self.model.parameters
        voices = sum(other.voice for other, _ in self.ties)
        if voices == 0:
            return self.values
        pull = [0.0] * self.model.K
        for other, tie in self.ties:
            g = 1.0
            if self.model.relationship_rule == "bounded":
                g -= (perception.distance(self.values, other.values) / parameters["kernel_width"]) ** 2
            elif self.model.relationship_rule == "hard":
                apart = perception.distance(self.values, other.values)
                g = float(self.model.compare("within bounds", self, parameters["kernel_width"], apart, reach=True))
            c = parameters["relationship_rate"] * max(g, 0.0)
            weight = tie.quality * other.voice * c / voices
            pull = [x + weight * (b - a) for x, a, b in zip(pull, self.values, other.values, strict=True)]
        return [clip(v + x) for v, x in zip(self.values, pull, strict=True)]

    def anchored(self) -> Vector:
        """Values after the pull of those one came with (ODD §5.5)."""
        return toward(self.values, self.original_values, self.model.parameters["anchoring"])

    def evidence_weights(self) -> Vector:
        return list(ROLE_WEIGHTS[self.role])

    def evidence(self) -> float:
        """Perceived evidence E_i (ODD §5.11)."""
        return self.model.weighted_evidence(self.evidence_weights(), self.beliefs)

    def share_of_engaged_ties(self) -> float:
        """Engaged colleagues among all, weighted by the quality of the ties, x_i (ODD §5.13)."""
        total = engaged = 0.0
        for other, tie in self.ties:
            if other.service is not None:
                total += tie.quality
                if other.engaged:
                    engaged += tie.quality
        return engaged / total if total > 0 else 0.0


class Staff(Person):
    role = "staff"


class Manager(Person):
    role = "manager"


class Peer(Person):
    role = "peer"


class Commissioner(Person):
    """Funds services; always aware, never engages; sees the mean of the local versions in use (ODD §1, §3)."""

    role = "commissioner"

    def enter(self, month: int, values: Vector, brought_in: bool = False) -> None:
        super().enter(month, values, brought_in)
        self.weights = normalised([self.model.parameters[f"evidence_weights.commissioner.{e}"] for e in CHANNELS])
        self.initial_weights = list(self.weights)

    def stage_on_entry(self, month: int) -> int:
        return AWARE

    def version(self) -> Vector:
        versions = [service.version for service in self.portfolio if service.in_use]
        return mean_vector(versions) if versions else self.model.innovation_values

    @property
    def portfolio(self) -> list[Service]:
        return self.model.portfolios[self.row]

    def evidence_weights(self) -> Vector:
        return self.weights


CLASSES = (Staff, Manager, Peer, Commissioner)
