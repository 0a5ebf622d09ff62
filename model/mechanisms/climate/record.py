"""Climate and practice: parameters and place in the month (docs/ODD.md §5.9)."""

from __future__ import annotations

from functools import partial

from ...mechanism import Mechanism
from ...parameter import PROTOTYPE, Parameter

parameter = partial(Parameter, grade="assumed", source=PROTOTYPE)

MECHANISM = Mechanism(
    name="climate",
    section="5.9",
    title="Climate and practice, in services in use (Klein & Sorra 1996: implementation climate, values fit)",
    reads="everybody",
    parameters={
        "climate_rate": parameter(0.15, 0.05, 0.3, "a month", "relaxation of climate"),
        "funding_support": parameter(0.3, 0, 0.6, "climate 0-1", "climate that funding brings", scope="organisation"),
        "practice_rate": parameter(0.15, 0.05, 0.3, "a month", "relaxation of quality of practice"),
        "practice_start": parameter(0.2, 0.1, 0.3, "practice 0-1", "quality of practice on entry"),
        "practice_base": parameter(0.35, 0.2, 0.5, "practice 0-1", "practice at reference alignment"),
        "practice_alignment": parameter(
            0.5, 0, 1, "practice per alignment", "commitment: effect of alignment", kind="quantity", maximum=10
        ),
        "practice_identification": parameter(0.2, 0, 0.4, "practice 0-1", "commitment: effect of identification"),
        "practice_climate": parameter(0.15, 0, 0.3, "practice 0-1", "compliance: effect of climate"),
    },
)
