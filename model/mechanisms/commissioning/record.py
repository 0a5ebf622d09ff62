"""Commissioning: parameters and place in the month (docs/ODD.md §5.15)."""

from __future__ import annotations

from functools import partial

from ...mechanism import Mechanism, Term
from ...parameter import ASSUMED, Parameter

parameter = partial(Parameter, grade="assumed", source=ASSUMED)

MECHANISM = Mechanism(
    name="commissioning",
    section="5.15",
    title="Commissioning: in each round commissioners score their services and fund down the list",
    reads="everybody",
    parameters={
        "round_months": parameter(12, 6, 24, "months", "time between commissioning rounds", kind="count"),
        "budget": parameter(
            0.6, 0.3, 1, "share of the cost of all services", "budget of a commissioner", kind="quantity", maximum=10
        ),
        "score_evidence": parameter(
            1,
            0.5,
            1.5,
            "score per unit of evidence",
            "weight of own-weighted evidence",
            kind="effect",
            label="weight of evidence in commissioning",
        ),
        "score_fit": parameter(
            0.3,
            0,
            0.6,
            "score per 0.10",
            "weight of alignment",
            kind="effect",
            label="weight of alignment in commissioning",
        ),
        "score_relationship": parameter(
            0.5,
            0,
            1,
            "score per quality 0-1",
            "weight of the relationship with the managers",
            kind="effect",
            label="weight of relationships in commissioning",
        ),
        "own_results": parameter(
            0.5,
            0,
            1,
            "share",
            "how far a service's own results move its score",
            label="weight of a service's own results",
        ),
        "reservation": parameter(
            0.1,
            -0.3,
            0.5,
            "score",
            "services below it are not funded",
            kind="logit",
            label="score below which services are not funded",
        ),
        "displacement": parameter(
            0.1,
            0,
            0.3,
            "£ per £1",
            "value of what the money would have done elsewhere",
            label="value of the money elsewhere",
            kind="quantity",
            maximum=10,
        ),
        "workload_cost": parameter(
            1,
            0,
            3,
            "£1,000 per staff member and year",
            "cost of a workload of 1 to providers and staff",
            kind="quantity",
            label="cost of workload",
        ),
    },
    terms={
        "evidence": Term("term of the evidence", "score"),
        "fit": Term("term of the commissioner's alignment", "score"),
        "relationship": Term("term of the quality of ties", "score"),
        "score": Term("their sum", "score"),
        "reservation": Term("what it is held against", "score"),
        "money": Term("money left when the service's turn came", "£1,000 a year"),
        "price": Term("price of the service", "£1,000 a year"),
    },
)
