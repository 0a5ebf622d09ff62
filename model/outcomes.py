"""Every outcome of the model, declared once: of a run, of its months, of people.

Kernels fill the columns by name (`OUTCOME.uptake_peak`, `SERVICES.climate`); tables, reports, docs and the
vocabulary that travels with results take their words from here. The order is that of the columns. "People" are staff,
managers and peers; months of flows are 1 … T, month 0 is the start.
"""

from __future__ import annotations

from .outcome import Outcome, columns, declared, month, share, unit_interval

SERIES_ROLES = ("staff", "manager", "peer", "commissioner", "all")  # all: staff, managers and peers
ROLE_LABELS = {
    "staff": "staff",
    "manager": "managers",
    "peer": "peers",
    "commissioner": "commissioners",
    "all": "everybody",
}

OUTCOMES = declared(
    (
        share(
            "uptake_peak",
            "people engaged, at the peak",
            "highest share of people engaged in any month, the start included",
            headline=True,
        ),
        share("uptake_final", "people engaged, at the end", "share of people engaged in month T", headline=True),
        share(
            "uptake_mean",
            "people engaged, over all months",
            "share of people engaged, mean over months 1 … T",
            headline=True,
        ),
        month(
            "time_to_50",
            "month in which half are engaged",
            "first month with half of the people engaged (none: never)",
            headline=True,
        ),
        share(
            "spread_peak",
            "services using it, at the peak",
            "highest share of services in use in any month, the start included",
        ),
        share("spread_final", "services using it, at the end", "share of services in use in month T", headline=True),
        share(
            "sustained_24",
            "still in use 24 months after funding",
            "services in use 24 months after their funding first ended, of those for which that month came "
            "(none: there was none)",
            headline=True,
        ),
        share(
            "continuous",
            "services that used it without a break",
            "services in use in month T that never stopped, of those that ever started",
            headline=True,
        ),
        share(
            "restarted",
            "services that stopped and started again",
            "services in use in month T that stopped in between, of those that ever started",
            headline=True,
        ),
        share(
            "stopped",
            "services that stopped",
            "services not in use in month T, of those that ever started",
            headline=True,
        ),
        share(
            "recommissioned",
            "services that were commissioned",
            "services to which a commissioner ever awarded a contract in the run, of those that ever started",
            headline=True,
        ),
        month(
            "first_recommissioned",
            "month of the first commissioning",
            "month in which a commissioner first awarded a contract (none: never)",
        ),
        unit_interval(
            "alignment_start", "alignment at the start", "mean alignment of people at the start", headline=True
        ),
        unit_interval(
            "alignment_start_sd",
            "spread of alignment at the start (SD)",
            "standard deviation of alignment between people, at the start",
            headline=True,
        ),
        unit_interval("alignment_final", "alignment at the end", "mean alignment of people in month T", headline=True),
        unit_interval(
            "alignment_final_sd",
            "spread of alignment at the end (SD)",
            "standard deviation of alignment between people, in month T",
            headline=True,
        ),
        unit_interval("fit_final", "fit at the end", "mean fit of people's own values in month T"),
        unit_interval(
            "fit_original_final",
            "fit with the original, at the end",
            "mean fit of people in month T with the original innovation m in place of the version they perceive",
        ),
        unit_interval("identification_final", "identification at the end", "mean identification of people in month T"),
        unit_interval(
            "enacted_agency_final",
            "client agency enacted, at the end",
            "enacted value of `client_agency`, mean over services, month T (none: no such dimension)",
        ),
        Outcome(
            "value_per_pound_financial",
            "cashable return, £ per £1",
            "cashable return of funded services, weighted by the money spent on them (none: nothing was spent)",
            "£ per £1",
            headline=True,
        ),
        Outcome(
            "value_per_pound_economic",
            "wider economic return, £ per £1",
            "wider economic return of funded services, weighted by the money spent on them (none: nothing was spent)",
            "£ per £1",
            headline=True,
        ),
        Outcome(
            "value_per_pound_social",
            "social effect, SD of well-being",
            "social effect of funded services, weighted by the money spent on them (none: nothing was spent)",
            "SD of well-being",
            headline=True,
        ),
        Outcome(
            "money_spent",
            "money spent, £1,000",
            "Σ price/12 over months and funded services",
            "£1,000",
            "thousands",
            low=0.0,
            headline=True,
        ),
        Outcome(
            "value_commissioners",
            "net value to commissioners, £1,000",
            "Σ price/12 · (y_financial − 1 − displacement) over months and funded services; without 1 + displacement while "
            "national money pays",
            "£1,000",
            "thousands",
        ),
        Outcome(
            "value_clients",
            "net value to clients, SD x client years",
            "Σ n · y_social/12 over months and services in use",
            "SD × client years",
            "thousands",
        ),
        Outcome(
            "value_providers",
            "net value to providers and staff, £1,000",
            "Σ price/12 · y_economic − workload_cost · time/12, less price/12 where unfunded, over months and services "
            "in use; time = coproduction_time · share taking part · staff posts",
            "£1,000",
            "thousands",
        ),
        Outcome(
            "staff_turnover",
            "staff leaving in a year",
            "changes of holder per staff post and year",
            "a year",
            "share",
            low=0.0,
            headline=True,
        ),
    )
)
PEOPLE_SERIES = declared(
    (
        share("aware", "people aware", "people aware, engaged or lapsed"),
        share("engaged", "people engaged", "people engaged"),
        share("lapsed", "people who lapsed", "people lapsed"),
        share("ever_engaged", "people who ever engaged", "present holders who have ever engaged"),
        unit_interval("alignment", "mean alignment", "mean alignment"),
        unit_interval("alignment_sd", "spread of alignment (SD)", "standard deviation of alignment between people"),
        unit_interval("fit", "mean fit", "mean fit of people's own values"),
        unit_interval("fit_sd", "spread of fit (SD)", "standard deviation of fit between people"),
        unit_interval("fit_original", "fit with the original", "mean fit with the original innovation"),
        unit_interval(
            "fit_original_sd",
            "spread of fit with the original (SD)",
            "standard deviation of fit with the original between people",
        ),
        unit_interval(
            "polarisation",
            "polarisation of values",
            "variance of values between people, mean over dimensions, as a share of its maximum .25",
        ),
        unit_interval("identification", "identification", "mean identification"),
        unit_interval("clarity", "clarity", "mean clarity"),
        unit_interval("practice", "quality of practice", "mean quality of practice of the engaged (none: nobody is)"),
        Outcome("belief_financial", "belief in cashable savings", "mean belief about the cashable return", "£ per £1"),
        Outcome(
            "belief_economic",
            "belief in wider economic return",
            "mean belief about the wider economic return",
            "£ per £1",
        ),
        Outcome("belief_social", "belief in well-being", "mean belief about the social effect", "SD of well-being"),
    )
)
COMMISSIONER_SERIES = declared(
    (
        share("weight_financial", "cashable savings", "mean weight of commissioners on evidence of cashable savings"),
        share(
            "weight_economic",
            "wider economic return",
            "mean weight of commissioners on evidence of wider economic return",
        ),
        share("weight_social", "well-being", "mean weight of commissioners on evidence of well-being"),
        unit_interval(
            "breadth", "breadth of the evidence", "mean entropy of the three weights, as a share of its maximum log 3"
        ),
    )
)
SERVICE_SERIES = declared(
    (
        share("outside", "never begun", "services that have not started"),
        share("piloting", "piloting", "services in a pilot"),
        share("commissioned", "commissioned", "services with a contract"),
        share("sustained", "goes on without funding", "services that go on without funding"),
        share("abandoned", "given up", "services that stopped"),
        share("in_use", "services using it", "services piloting, commissioned or sustained"),
        unit_interval("climate", "climate", "mean climate"),
        unit_interval("practice", "quality of practice", "mean quality of practice of the engaged (none: nobody is)"),
        unit_interval(
            "enacted_agency", "client agency enacted", "enacted value of `client_agency`, mean over services"
        ),
        unit_interval("satisfaction", "satisfaction of clients", "mean satisfaction of client groups"),
        unit_interval("tie_quality", "quality of ties", "mean quality of all ties"),
        unit_interval("workload", "workload", "mean workload"),
        unit_interval("drift", "drift from the original", "Σ_k ω_k |m_ok − m_k|, mean over services"),
        Outcome(
            "spending", "money spent in the month, £1,000", "money spent in the month", "£1,000", "thousands", low=0.0
        ),
        Outcome(
            "value_commissioners",
            "net value to commissioners in the month, £1,000",
            "value to commissioners of the month, as in the outcome of the run",
            "£1,000",
            "thousands",
        ),
        Outcome(
            "value_clients",
            "net value to clients in the month, SD x client years",
            "value to clients of the month, as in the outcome of the run",
            "SD × client years",
            "thousands",
        ),
        Outcome(
            "value_providers",
            "net value to providers and staff in the month, £1,000",
            "value to providers and staff of the month, as in the outcome of the run",
            "£1,000",
            "thousands",
        ),
    )
)
AGENT_SERIES = declared(
    (
        Outcome("stage", "stage", "stage of the person", "word"),
        Outcome("holder", "holders before", "how many have held the post before", "count", low=0.0),
        unit_interval("alignment", "alignment", "alignment A_i"),
        unit_interval("fit", "fit", "fit of the person's own values"),
        unit_interval("identification", "identification", "identification g_i"),
        unit_interval("clarity", "clarity", "clarity"),
        unit_interval("practice", "quality of practice", "quality of practice, of those who are engaged"),
        share("exposure", "share of engaged ties", "x_i of §5.13"),
    )
)
PLACE_SERIES = declared(
    (
        Outcome("stage", "stage", "stage of the service", "word"),
        share("engaged", "people engaged", "members engaged"),
        unit_interval("alignment", "mean alignment", "mean alignment of members"),
        unit_interval("climate", "climate", "climate"),
        unit_interval("workload", "workload", "workload"),
    )
)
# The monthly path, always recorded, that outcomes of the run are computed from.
PATH_SERIES = declared(
    (
        share("uptake", "people engaged", "people engaged"),
        share("in_use", "services using it", "services piloting, commissioned or sustained"),
        *(SERVICE_SERIES[name] for name in ("spending", "value_commissioners", "value_clients", "value_providers")),
        Outcome(
            "returned_financial",
            "cashable return in the month, £1,000",
            "Σ price/12 · y_financial over funded services",
            "£1,000",
            "thousands",
        ),
        Outcome(
            "returned_economic",
            "wider economic return in the month, £1,000",
            "Σ price/12 · y_economic over funded services",
            "£1,000",
            "thousands",
        ),
        Outcome(
            "returned_social",
            "social effect in the month, weighted by money",
            "Σ price/12 · y_social over funded services",
            "£1,000 × SD of well-being",
            "thousands",
        ),
    )
)

# What a scheduled change can wait for: means over people of a role, over services, over commissioners.
SEEN_OF_PEOPLE = ("aware", "engaged", "lapsed", "alignment", "fit", "identification", "clarity")
SEEN_OF_SERVICES = (
    "outside",
    "piloting",
    "commissioned",
    "sustained",
    "abandoned",
    "in_use",
    "climate",
    "satisfaction",
    "workload",
)
SEEN_OF_COMMISSIONERS = ("weight_financial", "weight_economic", "weight_social")
WAITED_FOR = (
    *(f"{role}.{name}" for role in SERIES_ROLES if role != "commissioner" for name in SEEN_OF_PEOPLE),
    *(f"service.{name}" for name in SEEN_OF_SERVICES),
    *(f"commissioner.{name}" for name in SEEN_OF_COMMISSIONERS),
)

# Columns by name, for kernels. MEAN: of `mean_alignment`.
OUTCOME = columns("OUTCOME", OUTCOMES)
PATH = columns("PATH", PATH_SERIES)
PEOPLE = columns("PEOPLE", PEOPLE_SERIES)
COMMISSIONERS = columns("COMMISSIONERS", COMMISSIONER_SERIES)
SERVICES = columns("SERVICES", SERVICE_SERIES)
PLACE = columns("PLACE", PLACE_SERIES)
PERSON = columns("PERSON", AGENT_SERIES)  # behind these a person's values
MEAN = columns("MEAN", ("alignment", "alignment_sd", "fit", "fit_original", "identification"))
EVERYBODY = SERIES_ROLES.index("all")
