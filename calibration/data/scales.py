"""Single answers: words of a scale, numbers, percentages, choices."""

from __future__ import annotations

import numpy as np

from .questionnaire import AGREES, MATTERS, plain

MISSING = {"", "na", "n a", "nan", "none", "no answer", "not answered", "null"}  # without signs, as `plain` gives them


def scaled(text: str, words: tuple[str, ...]) -> float | None:
    """An answer on a scale of five as a number in [0, 1]; NaN where it says that there is none, None where it cannot
    be used."""
    said = plain(text)
    if said in MISSING and (said or not text.strip(" -–—./?")):
        return float("nan")
    if "%" in text:
        return percent(text)
    if (found := number(text)) is not None:
        return (found - 1) / 4 if 1 <= found <= 5 else None
    if said in _WORDS[words]:
        return _WORDS[words][said] / 4
    if len(said) > 1 and said[0] in "12345" and said[1] == " " and said[2:] in _WORDS[words]:
        return (int(said[0]) - 1) / 4
    return None


_WORDS: dict[tuple[str, ...], dict[str, int]] = {
    MATTERS: {plain(word): n for n, word in enumerate(MATTERS)},
    AGREES: {plain(word): n for n, word in enumerate(AGREES)} | {"neither": 2, "neutral": 2},
}


def number(text: str) -> float | None:
    """A number, with a point or a comma; None for all else."""
    try:
        value = float(text.replace(",", ".").replace("\u2212", "-"))
    except ValueError:
        return None
    return value if np.isfinite(value) else None


def percent(text: str) -> float | None:
    """A share, as in 80 % or 0.8; None for all else."""
    found = number(text.replace("%", "").strip())
    if found is None:
        return None
    share = found / 100 if "%" in text else found
    return share if 0 <= share <= 1 else None


def choice(text: str, choices: dict[str, tuple[str, ...]]) -> str | None:
    """The name of what was chosen, by its words; None for all else."""
    said = plain(text)
    for name, words in choices.items():
        if said and said in (plain(name), *map(plain, words)):
            return name
    return None
