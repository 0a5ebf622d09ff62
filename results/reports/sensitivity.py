"""A sensitivity study in plain words, every number taken from its tables."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from ..numbers import guarded_percent, index, percent_range
from ..page import Tables
from ..vocabulary import EXTRA, INDEX_NAMES, capital, label, listed, setting_label

SHARES = ("ST", "S1", "shapley")  # indices that are shares of a variance
NAMED, WORTH = 5, 0.02  # factors that a paragraph names, and the least index that it calls an effect


def interval(row: pd.Series) -> str:
    if pd.isna(row["low"]):
        return index(row["value"])
    return f"{index(row['value'])}, {index(row['low'])} to {index(row['high'])}"


def counted(size: Mapping[str, Any]) -> str:
    """Method, factors and runs of a study."""
    factors = f"{size['factors']} factors" + (
        f" ({size['parameters']} parameters)" if size["parameters"] != size["factors"] else ""
    )
    return (
        f"{size['title']}, {size['method']}: {factors}, n = {size['n']:,}, {size['rows']:,} parameter sets with "
        f"{size['replicates']} run{'s' * (size['replicates'] != 1)} each ({size['runs']:,} runs simulated)"
    )


def _sign(way: pd.DataFrame, factor: str) -> str:
    """Which way a factor works, where its correlation with the outcome tells."""
    if factor not in way.index:
        return ""
    row = way.loc[factor]
    return ", which raises it" if row["low"] > 0 else ", which lowers it" if row["high"] < 0 else ""


def paragraph(outcome: str, tables: Tables, main: str) -> str:
    """What drives one outcome, how sure that is, and what noise there is."""
    table = tables["indices"]
    of = table[table["outcome"] == outcome]
    ranked = of[(of["index"] == main) & ~of["factor"].isin(EXTRA)].sort_values("value", ascending=False, kind="stable")
    if ranked["value"].isna().all():
        return f"{label(outcome).text}: nothing varies."
    way = of[of["index"] == "correlation"].set_index("factor")
    noise = tables["shares"].set_index("outcome").reindex([outcome]).iloc[0]
    floor = _floor(of, noise, main)
    scale = ranked["value"].abs().max() if main in ("mu_star", "dgsm") else 1.0
    shown = ranked[ranked["value"] >= WORTH * scale].head(NAMED)
    text = f"{label(outcome).text}: "
    if shown.empty:
        text += f"no factor has a {INDEX_NAMES[main]} of {index(WORTH)} or more"
    else:
        name = INDEX_NAMES[main]
        several = name.replace("index", "indices") if "index" in name else f"{name}s"
        text += f"the largest {name} has " if len(shown) == 1 else f"the largest {several} have "
        text += listed(
            [
                f"{setting_label(row['factor'])} ({interval(row)}{_sign(way, row['factor'])})"
                for _, row in shown.iterrows()
            ]
        )
    text += "."
    first = of[(of["index"] == "S1") & ~of["factor"].isin(EXTRA)]
    if main == "ST" and len(first):
        text += f" First-order indices sum to {index(first['value'].sum())}" + (
            ": what they lack to 1 is interaction and noise."
            if first["value"].sum() < 1
            else ": no interactions show beside their errors."
        )
    if floor is not None:
        under = int((ranked["value"] <= floor).sum())
        why = "chance that is left in means over runs" if main == "ST" else "the index of the dummy"
        text += f" Noise floor: {index(floor)} ({why}); {under} of {len(ranked)} factors matter less than that."
    if "single_run" in noise and pd.notna(noise["single_run"]):
        text += f" Of the variance of single runs, {100 * noise['single_run']:.0f} % is chance."
    if "societies" in noise and pd.notna(noise["societies"]):
        text += (
            f" People and ties: {index(noise['societies'])} (up to {index(noise['societies_high'])})."
            if noise["societies"] > 0
            else " People and ties: no share shows."
        )
    if len(shown):
        text += " " + settled_in_words(tables["settled"], outcome, len(ranked))
    return text + _left(tables["dropped"], outcome)


def _floor(of: pd.DataFrame, noise: pd.Series, main: str) -> float | None:
    """The noise floor of total indices: that of the seed factor, else the share of replicates measured directly."""
    if main != "ST":
        dummy = of[(of["index"] == main) & (of["factor"] == "dummy")]
        return float(dummy["value"].iloc[0]) if main in ("median", "delta", "S1") and len(dummy) else None
    seed = of[(of["index"] == main) & (of["factor"] == "seed")]
    if len(seed):
        return float(seed["value"].iloc[0])
    return float(noise["replicates"]) if "replicates" in noise and pd.notna(noise["replicates"]) else None


def settled_in_words(settled: pd.DataFrame, outcome: str, factors: int) -> str:
    """How far the ranking can be trusted."""
    of = settled[settled["outcome"] == outcome]
    if of.empty:
        return "Whether the ranking is settled cannot be said: there is no smaller sample to compare with."
    row = of.iloc[0]
    ordered, same = int(row["ordered"]), int(row["settled"])
    names = [setting_label(name) for name in row["order"].split(" > ")]
    if max(ordered, same) == 0:
        return "The ranking is not settled: more base points are needed, even for the first."
    if ordered == 0:
        text = f"It is settled which {same} come first ({listed(names[:same])}), not in which order"
    else:
        text = (
            ("The first is" if ordered == 1 else f"The first {ordered} are")
            + " settled"
            + ("" if ordered == 1 else " in their order")
        )
        if same > ordered:
            text += f", and which {same} come first"
    left = factors - max(ordered, same)
    if left > 0:
        text += f"; the order of the other {left} is not" if left > 1 else "; one is left"
        if math.isfinite(row["beyond"]):
            text += f" (none of them is above {index(row['beyond'])})"
    return text + "."


def _left(dropped: pd.DataFrame, outcome: str) -> str:
    of = dropped[dropped["outcome"] == outcome]
    if of.empty or not (of["dropped"].iloc[0] or of["without_value"].iloc[0]):
        return ""
    row = of.iloc[0]
    return (
        f" {100 * row['without_value']:.1f} % of runs have no value; {row['dropped']:,} of {row['row_blocks']:,} "
        "row-blocks were left out, so that the indices hold where there is a value."
    )


def paragraphs(tables: Tables, size: Mapping[str, Any], main: str, left_out: Mapping[str, list[str]]) -> str:
    """The whole study: what was varied, then a paragraph for every outcome."""
    out = [counted(size) + "."]
    if not size["common"]:
        out[0] += " Every row has fresh seeds: all total indices contain the noise."
    if size.get("worlds"):
        out[0] += (
            " Each parameter varies as it does over the worlds that agree with published facts, by itself: what facts "
            "say of two parameters together is left out, since these indices are of parameters that do not depend on "
            "each other."
        )
    factors = tables["factors"]
    if len(apart := factors.loc[factors["apart"], "name"].tolist()):
        named = listed([setting_label(name) for name in apart])
        out[0] += f" Run apart, with ties or rules of their own for every value: {named}."
    if left_out:
        out[0] += " Left out: " + "; ".join(f"{len(names)} ({reason})" for reason, names in left_out.items()) + "."
    dummy = tables["indices"].query("factor == 'dummy' and index == @main")["value"]
    if main in ("ST", "mu_star") and len(dummy):
        largest = dummy.abs().max()
        out[0] += (
            " The dummy has exactly 0, as it must." if largest == 0 else f" The dummy has up to {index(largest, 3)}."
        )
    out += [paragraph(outcome, tables, main) for outcome in dict.fromkeys(tables["indices"]["outcome"])]
    return "\n\n".join(out)


def screening(size: Mapping[str, Any], outcomes: Sequence[str], kept: int, rest: int, neglected: pd.DataFrame) -> str:
    """What was screened, by which outcomes, and what fixing the others would neglect."""
    parts = [
        f"{label(row['outcome']).text} {index(row['value'])} ({index(row['low'])} to {index(row['high'])})"
        for _, row in neglected.iterrows()
    ]
    return (
        f"{counted(size)}. By their effects on {listed([label(name).text for name in outcomes])}, {kept} "
        f"parameters were kept; the other {rest} vary together as one factor in the second step. Whoever fixes "
        f"them neglects this share of the variance: {listed(parts)}."
    )


# --- for a report ----------------------------------------------------------------------------------------------------
SHOWN = 12
READING = (
    "All factors below were varied together over their plausible ranges. An index says how much of the "
    "differences in an outcome a factor is behind; its 95 % interval follows."
)
CERTAINTY = (
    "After each index comes its 95 % interval: how far it may move with another sample of the same size. The "
    "paragraphs above say which part of each ranking would stay.",
    "The noise floor is what an index of something without any effect looks like here: factors below it cannot be told "
    "from chance.",
)
LIMITS = (
    "The ranges that were varied are the plausible ranges of the parameters: with other ranges the ranking may change.",
    "A factor that matters little here may matter in another situation; one that matters is not thereby a lever that "
    "anybody can pull.",
    "This says what drives the model. Whether it drives services is for data to say.",
)
WORDS = {
    "Factor": "A parameter, or a group of parameters, whose value is not known and was varied.",
    "Total index": "The share of the differences between runs that would vanish if the factor were known, with all its "
    "interactions.",
    "First-order index": "The share that the factor explains alone.",
    "Noise floor": "The size of index that chance alone gives.",
}


def main_index(indices: pd.DataFrame) -> str:
    """The index by which a study ranks its factors."""
    there = set(indices["index"])
    return next(name for name in ("ST", "mu_star", "median", "delta", "dgsm", "shapley", "S1") if name in there)


def ranking(indices: pd.DataFrame, main: str) -> tuple[Sequence[str], list[list[str]]]:
    """Factors by rows, outcomes by columns: main index with its interval; the largest first, noise factors last."""
    table = indices[indices["index"] == main]
    outcomes = list(dict.fromkeys(table["outcome"]))
    cells = {(row["outcome"], row["factor"]): interval(row) for _, row in table.iterrows()}
    own = table[~table["factor"].isin(EXTRA)]
    share = own["value"] / own.groupby("outcome")["value"].transform("max")
    order = share.groupby(own["factor"], sort=False).max().sort_values(ascending=False, kind="stable").index.tolist()
    rest = [name for name in dict.fromkeys(table["factor"]) if name in EXTRA]
    rows = [
        [setting_label(name), *(cells.get((outcome, name), "-") for outcome in outcomes)]
        for name in [*order[:SHOWN], *rest]
    ]
    return ("factor", *(label(outcome).text for outcome in outcomes)), rows


def findings(tables: Tables, main: str) -> list[str]:
    """For every outcome, what matters most, how much of the differences goes with it, and which way it works."""
    table, told = tables["indices"], []
    for outcome in dict.fromkeys(table["outcome"]):
        of = table[table["outcome"] == outcome]
        own = of[(of["index"] == main) & ~of["factor"].isin(EXTRA) & of["value"].notna()]
        if own.empty:
            told.append(f"{capital(label(outcome).text)}: nothing varies.")
            continue
        ranked = own.sort_values("value", ascending=False, kind="stable")
        noise = tables["shares"].set_index("outcome").reindex([outcome]).iloc[0]
        floor = _floor(of, noise, main)
        told.append(_what_matters(outcome, ranked, of[of["index"] == "correlation"].set_index("factor"), floor, main))
    return told


def _what_matters(outcome: str, ranked: pd.DataFrame, way: pd.DataFrame, floor: float | None, main: str) -> str:
    first = ranked.iloc[0]
    text = (
        f"What matters most for {label(outcome).text}: {setting_label(first['factor'])}{_sign(way, first['factor'])}: "
    )
    if main in SHARES:
        part = f"{guarded_percent(first['value'])} of the differences go with it, alone or together with others"
        text += part + (
            ""
            if pd.isna(first["low"])
            else f" (95 % interval: {percent_range(max(first['low'], 0), min(first['high'], 1))})"
        )
    else:
        text += f"{INDEX_NAMES[main]} {interval(first)}"
    if floor is not None and first["value"] <= floor:
        return f"{text}. That is below the noise floor ({index(floor)}): more runs are needed to say anything."
    others = ranked.iloc[1:NAMED]
    others = others[others["value"] > (floor if floor is not None else WORTH * abs(first["value"]))]
    if len(others):
        text += f". Then come {listed([setting_label(name) for name in others['factor']])}"
    return f"{text}."
