"""Climate and practice: parameters and place in the month (docs/ODD.md §5.10)."""

from __future__ import annotations

from functools import partial

from ...mechanism import Mechanism
from ...parameter import ASSUMED, Parameter

parameter = partial(Parameter, grade="assumed", source=ASSUMED)

MECHANISM = Mechanism(
    name="climate",
    section="5.10",
    title="Climate and practice, in services in use (Klein & Sorra 1996: implementation climate, values fit)",
    reads="everybody",
    parameters={
        "climate_rate": parameter(
            0.15,
            0.05,
            0.3,
            "a month",
            "climate rises toward what managers expect and support",
            label="rise of climate with managers' expectation",
        ),
        "climate_decay": parameter(
            0.05, 0.02, 0.15, "a month", "climate falls where they expect less", label="fall of climate"
        ),
        "climate_direct": parameter(
            0.5,
            0,
            1,
            "share",
            "climate from managers who know the innovation and are not against it, the rest from those who use it",
            grade="inferred",
            source="leadership programme to climate: d = .92 (Williams et al. 2020)",
            label="climate from managers who do not use it yet",
        ),
        "funding_support": parameter(0.1, 0, 0.4, "climate 0-1", "climate that funding brings", scope="organisation"),
        "practice_rate": parameter(
            0.15,
            0.05,
            0.3,
            "a month",
            "relaxation of quality of practice",
            label="speed at which practice follows commitment",
        ),
        "practice_base": parameter(0.35, 0.2, 0.5, "practice 0-1", "practice at reference alignment"),
        "practice_alignment": parameter(
            0.5,
            0,
            1,
            "practice per alignment",
            "commitment: effect of alignment",
            kind="quantity",
            maximum=10,
            label="effect of alignment on practice",
        ),
        "practice_identification": parameter(
            0.2,
            0,
            0.4,
            "practice 0-1",
            "commitment: effect of identification",
            label="effect of identification on practice",
        ),
    },
)
