"""What was read, said back before any work: a reader sees at once where the description is not what they meant."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pandas as pd

from .schema import Curve, Orientation, Pattern, People, Ties

DIRECTIONS = {
    "both": "people look to those whom they name and to those who name them",
    "out": "people look to those whom they name",
    "in": "people look to those who name them",
}
Said = tuple[tuple[str, str], ...]


def said_back(
    people: pd.DataFrame | None,
    of: People | None,
    ties: pd.DataFrame | None,
    tied: Ties | None,
    orientation: Mapping[str, Orientation],
    series: Sequence[Curve],
    patterns: Sequence[Pattern],
    unit: str,
    first: int = 1,
) -> Said:
    """Pairs of what and how many, in the order of the description."""
    said: list[tuple[str, str]] = []
    if people is not None and of is not None:
        said += _people(people, of, unit, first)
        said += [(f"{name} ({entry.column})", _values(people[name])) for name, entry in orientation.items()]
        if ties is not None and tied is not None:
            said += _ties(people, ties, tied)
    said += [
        (f"Series {each.name}", f"{len(each.time)} periods, {each.time.min():g} to {each.time.max():g}; at the end "
         f"{100 * each.share[-1]:.1f} %")
        for each in series
    ]  # fmt: skip
    said += [(f"Reported: {each.name}", f"{each.value:g} (standard error {each.sd:g})") for each in patterns]
    return tuple(said)


def _people(people: pd.DataFrame, of: People, unit: str, first: int) -> Said:
    adopted = int(people["time"].notna().sum())
    sizes = people["community"].value_counts()
    until = people["until"]
    last = f"{until.max():g}" if until.nunique() == 1 else f"{until.min():g} to {until.max():g}"
    begun = "" if first == 1 else f" ({unit} 1 is {first})"
    when = f"{of.period} and {of.adopted}" if of.period is not None else of.time
    of_communities = (
        "one (no column was given)"
        if of.community is None
        else f"{len(sizes):,} ({of.community}), of {sizes.min():,} to {sizes.max():,} people"
        if len(sizes) > 1
        else f"one ({of.community})"
    )
    return (
        ("People", f"{len(people):,} ({of.file})"),
        ("Adopted while observed", f"{adopted:,} ({100 * adopted / len(people):.1f} %), by {when}"),
        ("Did not, as far as observed", f"{len(people) - adopted:,}"),
        ("Communities", of_communities),
        ("Observed until", f"{unit} {last}{begun}; one step of the model is one {unit}"),
    )


def _values(column: pd.Series) -> str:
    known = column.dropna()
    told = f"{len(known):,} of {len(column):,} known, {known.min():.2f} to {known.max():.2f}, mean {known.mean():.2f}"
    return f"{told} (0-1); {known.nunique():,} different values"


def _ties(people: pd.DataFrame, ties: pd.DataFrame, of: Ties) -> Said:
    pairs = [tuple(sorted(pair)) for pair in zip(ties["from"], ties["to"], strict=True)]
    directed = len(set(zip(ties["from"], ties["to"], strict=True)))
    different = len(set(pairs))
    isolated = len(people) - len({*ties["from"], *ties["to"]})
    dropped = {what: count for what, count in ties.attrs.get("dropped", {}).items() if count}
    kinds = ties["kind"].value_counts() if "kind" in ties else pd.Series(dtype=int)
    return (
        ("Ties", f"{len(ties):,} rows ({of.file}): {different:,} pairs of people, {directed - different:,} of whom "
         f"name each other; {DIRECTIONS[of.direction]}"),
        *((("Ties by kind", ", ".join(f"{kind} {count:,}" for kind, count in kinds.items())),) if len(kinds) else ()),
        ("Ties left out", ", ".join(f"{count:,} with {what}" for what, count in dropped.items()) or "none"),
        ("People without ties", f"{isolated:,} ({100 * isolated / len(people):.1f} %)"),
    )  # fmt: skip
