"""Errors that users see: what was given, where, what is allowed, the nearest valid name."""

from __future__ import annotations

import difflib
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any


class InputError(ValueError):
    """Wrong input. `problems` lists everything found, one line each."""

    def __init__(self, problems: Sequence[str]) -> None:
        self.problems = list(problems)
        super().__init__("\n".join(self.problems))


def nearest(name: object, allowed: Iterable[str]) -> str | None:
    """The allowed name closest to `name`, if any is close."""
    names = list(allowed)
    close = difflib.get_close_matches(str(name), names, n=1, cutoff=0.6)
    if not close:
        last = {each.rsplit(".", 1)[-1]: each for each in names}
        close = [last[each] for each in difflib.get_close_matches(str(name), last, n=1, cutoff=0.6)]
    return close[0] if close else None


def unknown(name: object, allowed: Iterable[str], what: str = "name") -> str:
    """'… is not a …; did you mean …?', or what is allowed when nothing is close."""
    names = list(allowed)
    close, article = nearest(name, names), "an" if what.startswith(("a", "e", "i", "o")) else "a"
    if close:
        return f"{name!r} is not {article} {what}; did you mean {close!r}?"
    return f"{name!r} is not {article} {what}; allowed: {', '.join(names[:20])}{', …' if len(names) > 20 else ''}"


def explain(error: Mapping[str, Any], fields: Mapping[str, Collection[str]]) -> str:
    """An error of pydantic's in our words; fields: names allowed at the top ("") and in each section."""
    key = ""
    for part in error["loc"]:
        key += f"[{part}]" if isinstance(part, int) else f".{part}" if key else str(part)
    if error["type"] == "extra_forbidden":
        section = str(error["loc"][0]) if len(error["loc"]) > 1 else ""
        return f"{key}: {unknown(error['loc'][-1], fields[section], 'key')}"
    if error["type"] == "missing":
        return f"{key} is missing"
    message = error["msg"].removeprefix("Value error, ").replace("Input should be", "should be")
    if error["type"].startswith(("dict_type", "model_type", "dataclass_type")):
        message = "expected a section of its own"
    given = "" if isinstance(error["input"], (dict, list)) else f" = {short(error['input'])}"
    return f"{key}{given}: {message}" if key else message


def short(value: object) -> str:
    """A value as it was given, cut where it is long."""
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "…"
