"""The state as arrays, with the ODD's names."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from .agents import AWARE, ENGAGED, LAPSED

if TYPE_CHECKING:
    from .model import ReferenceModel

NONE = float("nan")


def observe(model: ReferenceModel) -> dict[str, np.ndarray]:
    """State after the month (N people in row order, O services, E ties, K dimensions, channels last).

    People: stage int[N] (0 unaware, 1 aware, 2 engaged, 3 lapsed); aware (stage ≥ 1), engaged, lapsed, ever_engaged
    bool[N] (commissioners are aware); first_engaged int[N] (−1 never); values, original_values, reading [N, K];
    identification, clarity, frailty, taking_part (the variate w), voice, practice [N]; beliefs, precision [N, 3];
    read_published, took_part bool[N] (a commissioner took part who sat in a session of any service); weights [N, 3]
    on evidence (as they count in E); fit (of this state), alignment [N]; holder int[N] (0 the first, 1 …).
    Ties: quality [E].
    Services: service_stage int[O] (0 outside, 1 piloting, 2 commissioned, 3 sustained, 4 abandoned); end_of_term [O];
    drift [O, K]; climate, satisfaction, take_up, workload [O]; months_under int[O]; results [O, 3] of the month
    (NaN: none), results_precision [O] (0: none), running_results [O, 3] (NaN: none since the start); as of the
    evidence submodel of the month: enacted [O, K] (NaN before the first), delivered_practice, reach [O]; leadership,
    slack, intensity [O] (levers as they hold now); spending [O], £1,000 in the month (price/12 where funded now).
    """
    people, services = model.people, model.services
    for person in people:
        person.look()
    stage = np.array([person.stage for person in people], dtype=np.int64)
    first_engaged = np.array([person.first_engaged for person in people], dtype=np.int64)

    def of_people(name: str, kind: type = float) -> np.ndarray:
        return np.array([getattr(person, name) for person in people], dtype=kind)

    def of_services(name: str, kind: type = float) -> np.ndarray:
        return np.array([getattr(service, name) for service in services], dtype=kind)

    return {
        "stage": stage,
        "aware": stage >= AWARE,
        "engaged": stage == ENGAGED,
        "lapsed": stage == LAPSED,
        "ever_engaged": first_engaged >= 0,
        "first_engaged": first_engaged,
        "holder": of_people("holder", int),
        **{
            name: of_people(name)
            for name in (
                "values",
                "original_values",
                "reading",
                "identification",
                "clarity",
                "frailty",
                "voice",
                "practice",
                "beliefs",
                "precision",
                "alignment",
                "fit",
            )
        },
        "taking_part": of_people("taking_part"),
        "read_published": of_people("read_published", bool),
        "took_part": of_people("took_part", bool),
        "weights": np.array([person.evidence_weights() for person in people], dtype=float),
        "quality": np.array([tie.quality for tie in model.ties], dtype=float),
        "service_stage": of_services("stage", int),
        "months_under": of_services("months_under", int),
        **{
            name: of_services(name)
            for name in (
                "end_of_term",
                "drift",
                "climate",
                "satisfaction",
                "take_up",
                "workload",
                "results_precision",
                "enacted",
                "delivered_practice",
                "reach",
            )
        },
        "results": np.array([s.results or [NONE] * 3 for s in services], dtype=float),
        "running_results": np.array([s.running_results or [NONE] * 3 for s in services], dtype=float),
        "leadership": np.array([s.leadership() for s in services], dtype=float),
        "slack": np.array([s.slack() for s in services], dtype=float),
        "intensity": np.array([s.intensity() for s in services], dtype=float),
        "spending": np.array([s.price() / 12.0 if s.funded else 0.0 for s in services], dtype=float),
    }
