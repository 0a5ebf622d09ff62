"""What the columns of the tables mean, and their units: the tables of docs/ODD.md §8 are made of this."""

from __future__ import annotations

from typing import NamedTuple


class Column(NamedTuple):
    """meaning: what the number is. unit: what it is counted in."""

    meaning: str
    unit: str


CHANNEL_UNITS = {"financial": "£ per £1", "economic": "£ per £1", "social": "SD of well-being"}

# Outcomes of a run. "People" are staff, managers and peers; months of flows are 1 … T, month 0 is the start.
OUTCOMES: dict[str, Column] = {
    "uptake_peak": Column("highest share of people engaged in any month, the start included", "share"),
    "uptake_final": Column("share of people engaged in month T", "share"),
    "uptake_mean": Column("share of people engaged, mean over months 1 … T", "share"),
    "time_to_50": Column("first month with half of the people engaged (none: never)", "month"),
    "spread_peak": Column("highest share of services in use in any month, the start included", "share"),
    "spread_final": Column("share of services in use in month T", "share"),
    "sustained_24": Column(
        "services in use 24 months after their funding first ended, of those for which that month "
        "came (none: there was none)",
        "share",
    ),
    "continuous": Column("services in use in month T that never stopped, of those that ever started", "share"),
    "restarted": Column("services in use in month T that stopped in between, of those that ever started", "share"),
    "stopped": Column("services not in use in month T, of those that ever started", "share"),
    "recommissioned": Column(
        "services to which a commissioner ever awarded a contract in the run, of those that ever started", "share"
    ),
    "first_recommissioned": Column("month of the first such award (none: never)", "month"),
    "alignment_start": Column("mean alignment of people at the start", "0-1"),
    "alignment_start_sd": Column("its standard deviation between people", "0-1"),
    "alignment_final": Column("mean alignment of people in month T", "0-1"),
    "alignment_final_sd": Column("its standard deviation between people", "0-1"),
    "alignment_original_final": Column(
        "mean alignment of people in month T with the original innovation m in place of the version they perceive",
        "0-1",
    ),
    "identification_final": Column("mean identification of people in month T", "0-1"),
    "enacted_agency_final": Column(
        "enacted value of `client_agency`, mean over services, month T (none: no such dimension)", "0-1"
    ),
    "value_per_pound_financial": Column(
        "results of funded services, weighted by the money spent on them (none: nothing was spent)",
        CHANNEL_UNITS["financial"],
    ),
    "value_per_pound_economic": Column("the same", CHANNEL_UNITS["economic"]),
    "value_per_pound_social": Column("the same", CHANNEL_UNITS["social"]),
    "money_spent": Column("Σ price/12 over months and funded services", "£1,000"),
    "value_commissioners": Column(
        "Σ price/12 · (y_financial − 1 − displacement) over months and funded services", "£1,000"
    ),
    "value_clients": Column("Σ n · y_social/12 over months and services in use", "SD × client years"),
    "value_providers": Column(
        "Σ price/12 · y_economic − workload_cost · time/12, less price/12 where unfunded, over "
        "months and services in use; time = coproduction_time · share taking part · staff posts",
        "£1,000",
    ),
    "staff_turnover": Column("changes of holder per staff post and year", "a year"),
}

# Monthly series by role (staff, manager, peer, commissioner; all: the first three).
PEOPLE_SERIES: dict[str, Column] = {
    "aware": Column("people aware, engaged or lapsed", "share"),
    "engaged": Column("people engaged", "share"),
    "lapsed": Column("people lapsed", "share"),
    "ever_engaged": Column("present holders who have ever engaged", "share"),
    "alignment": Column("mean alignment", "0-1"),
    "alignment_sd": Column("its standard deviation between people", "0-1"),
    "alignment_original": Column("mean alignment with the original innovation", "0-1"),
    "alignment_original_sd": Column("its standard deviation between people", "0-1"),
    "polarisation": Column(
        "variance of values between people, mean over dimensions, as a share of its maximum .25", "0-1"
    ),
    "identification": Column("mean identification", "0-1"),
    "clarity": Column("mean clarity", "0-1"),
    **{f"belief_{channel}": Column("mean belief", unit) for channel, unit in CHANNEL_UNITS.items()},
}

COMMISSIONER_SERIES: dict[str, Column] = {
    **{f"weight_{channel}": Column("mean weight on the evidence of this kind", "share") for channel in CHANNEL_UNITS},
    "breadth": Column("mean entropy of the three weights, as a share of its maximum log 3", "0-1"),
}

# Monthly series with role "service".
SERVICE_SERIES: dict[str, Column] = {
    "outside": Column("services that have not started", "share"),
    "piloting": Column("services in a pilot", "share"),
    "commissioned": Column("services with a contract", "share"),
    "sustained": Column("services that go on without funding", "share"),
    "abandoned": Column("services that stopped", "share"),
    "in_use": Column("services piloting, commissioned or sustained", "share"),
    "climate": Column("mean climate", "0-1"),
    "practice": Column("mean quality of practice of the engaged (none: nobody is)", "0-1"),
    "enacted_agency": Column("enacted value of `client_agency`, mean over services", "0-1"),
    "satisfaction": Column("mean satisfaction of client groups", "0-1"),
    "tie_quality": Column("mean quality of all ties", "0-1"),
    "workload": Column("mean workload", "0-1"),
    "drift": Column("Σ_k ω_k |m_ok − m_k|, mean over services", "0-1"),
    "spending": Column("money spent in the month", "£1,000"),
    "value_commissioners": Column("value to commissioners of the month, as above", "£1,000"),
    "value_clients": Column("value to clients of the month", "SD × client years"),
    "value_providers": Column("value to providers and staff of the month", "£1,000"),
}

AGENT_SERIES: dict[str, Column] = {
    "stage": Column("stage of the person", "word"),
    "holder": Column("how many have held the post before", "count"),
    "alignment": Column("alignment A_i", "0-1"),
    "identification": Column("identification g_i", "0-1"),
    "clarity": Column("clarity", "0-1"),
    "exposure": Column("x_i of §5.12", "share"),
}

# Terms of a decision in the event log, by what it decides.
START_TERMS: dict[str, Column] = {
    "base": Column("adoption_base or restart; under the direct rule direct_base", "logit"),
    "fit": Column("term of alignment", "logit"),
    "evidence": Column("term of the evidence", "logit"),
    "peers": Column("term of neighbouring services; under the direct rule of identification", "logit"),
    "slack": Column("term of slack", "logit"),
    "funds": Column("term of pilot funds", "logit"),
    "mandate": Column("term of the mandate", "logit"),
}
SERVICE_TERMS: dict[str, Column] = {
    "probability": Column("probability of the step", "0-1"),
    "draw": Column("the uniform draw u; the step is taken if it is smaller", "0-1"),
    "share_engaged": Column("share of staff and peers engaged", "share"),
    "months_under": Column("months under the threshold", "months"),
}
PERSON_TERMS: dict[str, Column] = {
    "z": Column("standardised alignment z_i", "units of alignment"),
    "engaged_ties": Column("x_i", "share"),
    "evidence": Column("E_i", "units of evidence"),
    "climate": Column("climate of the service", "0-1"),
    "identification": Column("g_i", "0-1"),
    "workload": Column("workload of the service", "0-1"),
    "disapproval": Column("D_i", "0 or 1"),
    "eta": Column("η", "logit"),
    "probability": Column("p", "0-1"),
    "draw": Column("the uniform draw u; the step is taken if u < p", "0-1"),
}
AWARD_TERMS: dict[str, Column] = {
    "evidence": Column("term of the evidence", "score"),
    "fit": Column("term of the commissioner's alignment", "score"),
    "relationship": Column("term of the quality of ties", "score"),
    "cost": Column("term of the price", "score"),
    "score": Column("their sum", "score"),
    "reservation": Column("what it is held against", "score"),
    "money": Column("money left when the service's turn came", "£1,000 a year"),
    "price": Column("price of the service", "£1,000 a year"),
}
