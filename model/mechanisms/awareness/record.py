"""Awareness: parameters and place in the month (docs/ODD.md §5.3)."""

from __future__ import annotations

from functools import partial

from ...mechanism import Mechanism
from ...parameter import ASSUMED, Parameter

parameter = partial(Parameter, grade="assumed", source=ASSUMED)

MECHANISM = Mechanism(
    name="awareness",
    section="5.3",
    title="Awareness: by broadcast, in a service that uses it, and by engaged ties",
    stages=True,
    parameters={
        "initial_awareness": parameter(
            0.1, 0, 0.3, "share", "aware at the start", scope="organisation", label="people aware at the start"
        ),
        "broadcast": parameter(0.02, 0, 0.05, "a month", "becoming aware from publications", scope="organisation"),
        "awareness_in_service": parameter(
            0.25,
            0.1,
            0.5,
            "a month",
            "becoming aware where the service uses it",
            scope="organisation",
            label="becoming aware in a service that uses it",
        ),
        "awareness_by_ties": parameter(
            0.05,
            0,
            0.2,
            "a month per engaged tie",
            "becoming aware from a colleague who is engaged",
            label="becoming aware from an engaged colleague",
        ),
    },
)
