"""What the terms of a decision in the event log mean, by what is decided (docs/TRACE.md)."""

from __future__ import annotations

from typing import NamedTuple


class Term(NamedTuple):
    """meaning: what the number is. unit: what it is counted in."""

    meaning: str
    unit: str


START_TERMS: dict[str, Term] = {
    "base": Term("adoption_base or restart; under the direct rule direct_base", "logit"),
    "fit": Term("term of alignment", "logit"),
    "evidence": Term("term of the evidence", "logit"),
    "peers": Term("term of neighbouring services; under the direct rule of identification", "logit"),
    "slack": Term("term of slack", "logit"),
    "funds": Term("term of pilot funds", "logit"),
    "mandate": Term("term of the mandate", "logit"),
}
SERVICE_TERMS: dict[str, Term] = {
    "probability": Term("probability of the step", "0-1"),
    "draw": Term("the uniform draw u; the step is taken if it is smaller", "0-1"),
    "share_engaged": Term("share of staff and peers engaged", "share"),
    "months_under": Term("months under the threshold", "months"),
}
PERSON_TERMS: dict[str, Term] = {
    "z": Term("standardised alignment z_i", "units of alignment"),
    "engaged_ties": Term("x_i", "share"),
    "evidence": Term("E_i", "units of evidence"),
    "climate": Term("climate of the service", "0-1"),
    "identification": Term("g_i", "0-1"),
    "workload": Term("workload of the service", "0-1"),
    "disapproval": Term("D_i", "0 or 1"),
    "eta": Term("η", "logit"),
    "probability": Term("p", "0-1"),
    "draw": Term("the uniform draw u; the step is taken if u < p", "0-1"),
}
AWARD_TERMS: dict[str, Term] = {
    "evidence": Term("term of the evidence", "score"),
    "fit": Term("term of the commissioner's alignment", "score"),
    "relationship": Term("term of the quality of ties", "score"),
    "cost": Term("term of the price", "score"),
    "score": Term("their sum", "score"),
    "reservation": Term("what it is held against", "score"),
    "money": Term("money left when the service's turn came", "£1,000 a year"),
    "price": Term("price of the service", "£1,000 a year"),
}
