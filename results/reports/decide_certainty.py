"""How sure a decision is, and what does not follow from it, in plain words."""

from __future__ import annotations

from ..numbers import pounds
from ..page import Tables
from ..vocabulary import listed
from .decide import best_of

PAID_USE = ("pilot-fund", "mandate")  # actions that pay for use itself


def certainty(tables: Tables) -> list[str]:
    """What was compared, over which worlds, with how many runs."""
    asked = tables["asked"].iloc[0]
    all_of = (
        "all that the money buys"
        if asked["complete"]
        else "not all there are: those with one action first, then what grew from the best"
    )
    return [
        "Two doubts are kept apart. Brackets and the chance of being best are about chance: more runs would settle "
        "them. In how many worlds one would stay with it, and the rule on when it would be wrong, are about what is "
        "not known: no number of runs can settle that.",
        "The worlds: each uncertain parameter anywhere in its declared plausible range, all equally likely. They were "
        "not held against published facts."
        if asked["source"] == "declared ranges"
        else "The worlds: those that agree with published facts, each as often as its weight says; no world in which "
        "the mixes raced was used to judge them.",
        f"{asked['mixes']:,} mixes were compared ({all_of}). They raced: {asked['rounds']}. The winners were then "
        f"judged in "
        f"{asked['fresh_worlds']:,} other worlds. {asked['race_runs'] + asked['fresh_runs']:,} runs in all.",
    ]


def cautions(tables: Tables) -> list[str]:
    """What must not be concluded."""
    plan, best = tables["plan"], best_of(tables)
    assumed = int((plan["grade"] == "assumed").sum()) if len(plan) else 0
    told = [
        "Not that this mix will have this effect in a real place. It follows from the model's assumptions; how much "
        "each "
        "action changes people and services is part of them"
        + (f", and for {assumed} of the {len(plan)} actions here it is assumed outright." if assumed else "."),
        "Not that the costs are known: unless a source is given they are assumed, and the budget is held against the "
        "likely ones.",
        "Not that an action left out is worthless: it may act on what the model does not hold, or be shown too small.",
    ]
    if len(national := plan[plan["paid_by"] == "national"] if len(plan) else plan):
        told.append(
            f"Not that a commissioner has to find all of it: {pounds(national['cost'].sum())} of this is for "
            f"{listed([str(name) for name in national['name']])}, usually national money. Where nobody gives that, ask "
            "again without it (`--never`)."
        )
    if tables["asked"]["goal"].iloc[0] == "use" and len(plan) and (plan["action"].isin(PAID_USE)).any():
        told.append(
            "Not that use lasts: months in which a pilot is paid for count as use like any others. What stays when the "
            "money ends is another question (`--goal sustained`)."
        )
    if best["regret"] > 0 and best["chance_best"] < 0.95:
        told.append("Not that the other mixes near the front are worse: some cannot be told from this one.")
    return told
