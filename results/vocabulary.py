"""What the columns of the tables are called in front of people, and how their numbers are written."""

from __future__ import annotations

import math
from dataclasses import dataclass


@dataclass(frozen=True)
class Label:
    """text: for tables and axes. kind: share, month, thousands, alignment or number. never: NaN = it did not happen."""

    text: str
    kind: str
    never: bool = False

    def write(self, value: float) -> str:
        """The number as people read it; "-" where there is none, "never" for what did not happen."""
        if math.isnan(value):
            return "-"
        if math.isinf(value):
            return "never"
        if self.kind == "share":
            return f"{100 * value:.0f} %"
        if self.kind == "month":
            return f"{value:.0f}"
        if self.kind == "thousands":
            return f"{value:,.0f}"
        return f"{value:.2f}"


OUTCOMES: dict[str, Label] = {
    "uptake_peak": Label("people engaged, at the peak", "share"),
    "uptake_final": Label("people engaged, at the end", "share"),
    "uptake_mean": Label("people engaged, over all months", "share"),
    "time_to_50": Label("month in which half are engaged", "month", never=True),
    "spread_peak": Label("services using it, at the peak", "share"),
    "spread_final": Label("services using it, at the end", "share"),
    "sustained_24": Label("still in use 24 months after funding", "share"),
    "continuous": Label("services that used it without a break", "share"),
    "restarted": Label("services that stopped and started again", "share"),
    "stopped": Label("services that stopped", "share"),
    "recommissioned": Label("services that were commissioned", "share"),
    "first_recommissioned": Label("month of the first commissioning", "month", never=True),
    "alignment_start": Label("alignment at the start", "alignment"),
    "alignment_start_sd": Label("spread of alignment at the start (SD)", "alignment"),
    "alignment_final": Label("alignment at the end", "alignment"),
    "alignment_final_sd": Label("spread of alignment at the end (SD)", "alignment"),
    "alignment_original_final": Label("alignment with the original, at the end", "alignment"),
    "identification_final": Label("identification at the end", "alignment"),
    "enacted_agency_final": Label("client agency enacted, at the end", "alignment"),
    "value_per_pound_financial": Label("cashable return, £ per £1", "number"),
    "value_per_pound_economic": Label("wider economic return, £ per £1", "number"),
    "value_per_pound_social": Label("social effect, SD of well-being", "number"),
    "money_spent": Label("money spent, £1,000", "thousands"),
    "value_commissioners": Label("net value to commissioners, £1,000", "thousands"),
    "value_clients": Label("net value to clients, SD x client years", "thousands"),
    "value_providers": Label("net value to providers and staff, £1,000", "thousands"),
    "staff_turnover": Label("staff leaving in a year", "share"),
}

HEADLINES = (
    "uptake_peak",
    "uptake_final",
    "uptake_mean",
    "time_to_50",
    "spread_final",
    "sustained_24",
    "continuous",
    "restarted",
    "stopped",
    "alignment_start",
    "alignment_start_sd",
    "alignment_final",
    "alignment_final_sd",
    "value_per_pound_financial",
    "value_per_pound_economic",
    "value_per_pound_social",
    "staff_turnover",
)

SERIES = {
    "engaged": "people engaged",
    "ever_engaged": "people who ever engaged",
    "in_use": "services using it",
    "alignment": "mean alignment",
    "aware": "people aware",
    "lapsed": "people who lapsed",
}
ROLES = {"staff": "staff", "manager": "managers", "peer": "peers", "commissioner": "commissioners", "all": "everybody"}

EVIDENCE = {
    "weight_financial": "cashable savings",
    "weight_economic": "wider economic return",
    "weight_social": "well-being",
}
SERVICE_STAGES = {
    "sustained": "goes on without funding",
    "commissioned": "commissioned",
    "piloting": "piloting",
    "abandoned": "given up",
    "outside": "never begun",
}
WORDS = {
    "Alignment": "How well the values that the innovation stands for fit the values that a person holds: 1 is a "
    "perfect fit, 0 the opposite on everything.",
    "Engaged": "Works with the innovation in daily practice. People are staff, managers and peer advocates (people "
    "with lived experience who work in the service).",
    "Run": "The same situation lived through once in the model. Other runs differ by chance only.",
    "Services using it": "Services in which the innovation is piloted, commissioned, or goes on without funding.",
    "Uptake and spread": "Uptake: the share of people engaged. Spread: the share of services using it.",
    "95 % interval": "Where the average lies with 95 % confidence. It says nothing of errors in the model itself.",
    "Band, 5 to 95 % of runs": "What nine runs in ten stay within: how different single places may turn out.",
    "Points": "Percentage points: from 20 % to 30 % are 10 points.",
}


def label(outcome: str) -> Label:
    return OUTCOMES.get(outcome, Label(outcome.replace("_", " "), "number"))
