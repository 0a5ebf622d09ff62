"""How numbers are written for people."""

from __future__ import annotations

import math


def percent(share: float) -> str:
    """A share in per cent, as in 31 %; "-" where there is none."""
    return "-" if math.isnan(share) else f"{100 * share:z.0f} %"


def guarded_percent(share: float | None) -> str:
    """A share in per cent, "–" where there is none; never rounded to 0 or 100 when it is not."""
    if share is None or math.isnan(share):
        return "–"
    if 0 < share <= 0.005:
        return "< 1 %"
    return "> 99 %" if 0.995 <= share < 1 else f"{100 * share:z.0f} %"


def percent_range(low: float, high: float) -> str:
    """As in 31 % to 42 %, neither rounded to 0 or 100."""
    return f"{guarded_percent(low)} to {guarded_percent(high)}"


def points(difference: float) -> str:
    """A difference of shares in percentage points, with its sign."""
    return f"{100 * difference:+.0f}" if round(100 * difference) else "0"


def two_decimals(value: float, unit: str = "") -> str:
    """As in 0.31; "-" where there is none."""
    return "-" if math.isnan(value) else f"{value:.2f}{unit}"


def index(value: float, digits: int = 2) -> str:
    """A sensitivity index, without its leading zero, as in .41."""
    if not math.isfinite(value):
        return "-"
    text = f"{value:.{digits}f}"
    return text.replace("0.", ".", 1) if abs(value) < 1 and float(text) != 0 else text if float(text) else "0"


def significant(value: float | None, signed: bool = True) -> str:
    """Two significant digits, with a sign; "–" where there is none."""
    if value is None or math.isnan(value):
        return "–"
    value = 0.0 if abs(value) < 1e-9 else value  # what is left of rounding
    text = f"{value:+.2g}" if abs(value) < 100 else f"{value:+,.0f}"
    text = text if signed else text.lstrip("+")
    return text.replace("-", "−")


def by_kind(value: float, kind: str) -> str:
    """A number by the kind of its column; "-" where there is none, "never" for what did not happen."""
    if math.isnan(value):
        return "-"
    if math.isinf(value):
        return "never"
    if kind == "share":
        return percent(value)
    return {"month": f"{value:.0f}", "thousands": f"{value:,.0f}"}.get(kind, f"{value:.2f}")


def pounds(value: float, signed: bool = False) -> str:
    """Money to the nearest £100 (below £1,000 to the pound), as in £66,400; "–" where there is none."""
    if not math.isfinite(value):
        return "–"
    digits = 0 if abs(value) < 1000 else -2
    text = f"£{abs(round(value, digits)):,.0f}"
    return ("−" if value < 0 else "+" if signed else "") + text
