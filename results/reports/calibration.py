"""A calibration and a comparison of rivals in plain words, every number taken from their tables."""

from __future__ import annotations

import pandas as pd

from ..figures.calibration import METHOD_TITLES, RIVAL_TITLES
from ..page import Tables
from ..vocabulary import capital, setting_label

REPORTED = "regression"  # the method whose posterior is used
READING = "Ranges hold with 90 % probability, if the model is right and was plausible as assumed beforehand."
RIVAL_READING = "Shares are odds among these explanations, all being held alike before the data."
LIMITS = (
    "What fits is not thereby true: other explanations may fit as well (`valign rivals` compares them).",
    "A parameter that these data do not inform keeps the width of its prior range: its posterior says what was "
    "assumed.",
    "The same data were used to fit and to look: agreement is no prediction.",
)
WORDS = {
    "Prior": "What was held plausible before looking at the data.",
    "Posterior": "What remains plausible after looking at them.",
    "Variance gone": "How much of the prior's uncertainty the data removed: 0 % is nothing, 100 % is all.",
    "Recovered": "Whether the model fits, and, in data like these that it made itself, ranges become narrower and "
    "still hold the truth as often as they should.",
    "Summary": "A number that the data are reduced to; the model is compared with the data by these.",
    "Rank": "Where the truth stands among the draws of a posterior; over many data sets all ranks should be as "
    "frequent.",
}
RIVAL_LIMITS = (
    "A share is odds among these explanations alone: the true one may not be among them.",
    "How often an explanation is recognised in data that it made itself limits what a share can mean.",
    "An explanation that wins here, wins for these data.",
)
RIVAL_WORDS = {
    "Plain regression": "A logit of who adopts when on the same terms, without simulation.",
    "Share": "The probability of an explanation after seeing the data, all of them being alike before.",
    "Recognised": "In how much of the data made by an explanation the method attributes them to it.",
    "Log score, CRPS": "How well communities are predicted that were not used to fit; of the log score more, of the "
    "CRPS less is better.",
    "AUC": "The chance of telling who of two people is the earlier one; .5 is guessing.",
}


def fit_sentences(fit: pd.DataFrame, summaries: pd.DataFrame) -> list[str]:
    """Whether the model can give data like these, first of all; where not, what it misses, and what is left out."""
    row = fit.iloc[0]
    if row["fits"]:
        share = f"{100 * row['chance']:.0f} %" if row["chance"] < 1 else "at least half"
        return [
            f"The model can give data like these: of data sets that it made itself, {share} are as unlike the others "
            "as these or more so."
        ]
    missed = summaries[summaries["missed"]].sort_values("chance", kind="stable")
    plain = missed[~missed["summary"].str.startswith("score: ")]  # scores of a regression say little to people
    missed = plain if len(plain) else missed
    rare = "fewer than 1 %" if row["chance"] < 0.01 else f"{100 * row['chance']:.1f} %"
    return [
        f"The model does not fit: it cannot give data like these anywhere in the prior ({rare} of the "
        f"{int(row['simulations']):,} data sets that it made itself are as unlike the others).",
        f"What it misses, given the rest: {'; '.join(_missed(each) for each in missed.head(5).itertuples())}."
        if len(missed)
        else "No single number is missed: it is how they go together.",
        "The posterior was asked for all the same: its numbers are those of a model that does not fit, and its file "
        "carries that mark."
        if row["accepted"]
        else "So no parameter is reported, and no posterior is written (`--accept-misfit` makes one all the same, "
        "with a mark).",
    ]


def _missed(row) -> str:
    return (
        f"{row.summary}: {row.observed:.3g} observed, {row.low:.3g} to {row.high:.3g} from the model, {row.direction}"
    )


def fit_table(summaries: pd.DataFrame) -> tuple[tuple[str, ...], list[list[str]]]:
    """What was observed beside what the model gives where it comes nearest, the oddest first."""
    return (
        "summary",
        "observed",
        "the model gives (5 to 95 %)",
        "apart, in SDs",
        "as far by chance",
        "the model is",
    ), [
        [
            row.summary,
            f"{row.observed:.3g}",
            f"{row.low:.3g} to {row.high:.3g}",
            f"{row.apart:+.1f}",
            f"{100 * row.chance:.1f} %",
            row.direction if row.missed else "as observed",
        ]
        for row in summaries.sort_values("chance", kind="stable").itertuples()
    ]


def fit_certainty(fit: pd.DataFrame) -> list[str]:
    """What the verdict on the fit rests on."""
    row = fit.iloc[0]
    return [
        f"The data were compared with {int(row['simulations']):,} data sets from the whole prior, each with these "
        "people, ties and periods. Of data that the model made itself, 1 in 20 would be said not to fit.",
        "A model that can give data like these is not thereby right, and with few people much passes that is wrong.",
    ]


def _of(summary: pd.DataFrame) -> pd.DataFrame:
    """The rows of the method that is reported."""
    methods = list(dict.fromkeys(summary["method"]))
    return summary[summary["method"] == (REPORTED if REPORTED in methods else methods[0])]


def posterior_in_words(summary: pd.DataFrame) -> str:
    return (
        "; ".join(f"{setting_label(row.parameter)} {row.q05:.3g} to {row.q95:.3g}" for row in _of(summary).itertuples())
        + "."
    )


def findings(summary: pd.DataFrame) -> list[str]:
    """What remains plausible of every parameter."""
    told = []
    for row in _of(summary).itertuples():
        text = (
            f"{capital(setting_label(row.parameter))}: between {row.q05:.3g} and {row.q95:.3g} with 90 % probability, "
            f"{row.mean:.3g} on average (held plausible before: {row.prior_low:g} to {row.prior_high:g})."
        )
        told.append(text if row.informed else f"{text} These data hardly inform it.")
    return told


def certainty(tables: Tables) -> list[str]:
    """How many simulations, how the methods agree, and whether known truths are found again."""
    generations, summary, recovery = tables["generations"], tables["summary"], tables["recovery"]
    told = [
        f"{int(generations['simulations'].sum()):,} simulations were made. The bars of the figure are "
        f"{', '.join(METHOD_TITLES.get(each, each) for each in dict.fromkeys(summary['method']))}: where they differ, "
        "trust none of them too far."
    ]
    lost = [setting_label(row.parameter) for row in _of(summary).itertuples() if not row.identified]
    told.append(
        "In data like these that the model made itself, the truth of every parameter is found again."
        if not lost
        else f"Not recovered: {', '.join(lost)}. In data like these, or for want of fit, what is reported of them "
        "cannot be relied on."
    )
    if len(tables["predictive"]):
        told.append(fit_in_words(tables["predictive"]))
    uneven = [setting_label(name) for name in recovery.loc[~recovery["calibrated"], "parameter"]]
    told.append(
        f"Over {int(recovery['data_sets'].max()):,} data sets made by the model, the truth stands "
        + (
            f"unevenly among the draws for {', '.join(uneven)}: ranges of these are too narrow or too wide."
            if uneven
            else "evenly among the draws, as it should: the ranges are neither too narrow nor too wide."
        )
    )
    return told


def fit_in_words(predictive: pd.DataFrame) -> str:
    """How often the band of the fitted model holds what was observed."""
    everybody = predictive[predictive["group"] == "everybody"]
    inside = ((everybody["observed"] >= everybody["low"]) & (everybody["observed"] <= everybody["high"])).sum()
    return (
        f"For everybody, {inside} of {len(everybody)} observed points lie inside the 5 to 95 % band of the fitted "
        "model."
    )


REGRESSION_TERMS = {
    "constant": "constant (odds of the average person)",
    "period": "calendar time",
    "exposure": "share of one's ties who have adopted",
    "community": "share of one's community who have adopted",
}


def regression_table(table: pd.DataFrame) -> tuple[tuple[str, ...], list[list[str]]]:
    """Odds ratios per standard deviation, with 95 % intervals where they can be given."""
    return ("term", "odds ratio per SD", "95 %", "SD of the term"), [
        [
            REGRESSION_TERMS.get(row.term, row.term),
            f"{row.odds_ratio:.3g}",
            f"{row.low:.3g} to {row.high:.3g}" if row.low == row.low else "not known",
            "-" if row.term == "constant" else f"{row.sd:.3g}",
        ]
        for row in table.itertuples()
    ]


def regression_sentences(table: pd.DataFrame) -> list[str]:
    """What the plain regression can say, and what it cannot."""
    row = table.iloc[0]
    errors = {
        "sandwich": f"Its intervals allow for people of the {row['communities']:,} communities being alike.",
        "CR2": f"Its intervals allow for people of a community being alike and, {row['communities']} communities being "
        "few, are wider for it (CR2, Student's t).",
        "none": f"It has no intervals: {row['communities']} communities are too few to say how much they differ.",
    }[row["errors"]]
    return [
        f"The plain regression has {int(row['rows']):,} person-periods. {errors} It needs no simulation, says how much "
        "likelier adoption was where a term was one standard deviation higher, and cannot tell influence from "
        "likeness, see who was not aware, or say what would happen if something were changed."
    ]


def plain_table(table: pd.DataFrame) -> tuple[tuple[str, ...], list[list[str]]]:
    """A table of words as it is."""
    return tuple(map(str, table)), table.astype(str).to_numpy().tolist()


def posterior_table(summary: pd.DataFrame) -> tuple[tuple[str, ...], list[list[str]]]:
    """A row for each parameter and method."""
    return ("parameter", "method", "mean", "5 to 95 %", "prior", "variance gone", "recovered"), [
        [
            setting_label(row.parameter),
            row.method,
            f"{row.mean:.3g}",
            f"{row.q05:.3g} to {row.q95:.3g}",
            f"{row.prior_low:g} to {row.prior_high:g}",
            f"{100 * row.contraction:.0f} %",
            "yes" if row.identified else "no",
        ]
        for row in summary.sort_values(["parameter", "method"]).itertuples()
    ]


def recovery_table(recovery: pd.DataFrame) -> tuple[tuple[str, ...], list[list[str]]]:
    """How well known truths are found again: a row for each parameter."""
    return (
        "parameter",
        "data sets",
        "correlation with the truth",
        "bias",
        "typical error",
        "90 % ranges that hold it",
        "recovered",
        "ranks even",
    ), [
        [
            setting_label(row.parameter),
            f"{row.data_sets:,}",
            f"{row.correlation:.2f}",
            f"{row.bias:+.3g}",
            f"{row.rmse:.3g}",
            f"{100 * row.coverage_90:.0f} %",
            "yes" if row.identified else "no",
            "yes" if row.calibrated else "no",
        ]
        for row in recovery.itertuples()
    ]


def screening_table(screening: pd.DataFrame) -> tuple[tuple[str, ...], list[list[str]]]:
    """A row for each parameter that was asked for, the strongest first: whether it is fitted, and why."""
    return ("parameter", "prior", "largest effect", "on", "fitted", "why"), [
        [
            setting_label(row.parameter),
            f"{row.low:g} to {row.high:g}",
            f"{100 * row.share:.0f} % of the strongest",
            row.summary,
            "yes" if row.kept else "no",
            row.why,
        ]
        for row in screening.itertuples()
    ]


# --- rivals ----------------------------------------------------------------------------------------------------------
def shares_in_words(shares: pd.DataFrame) -> str:
    wide = shares.pivot(index="model", columns="method", values="share")
    names = [name for name in RIVAL_TITLES if name in wide.index]
    return (
        "; ".join(
            f"{RIVAL_TITLES[name]} "
            + " and ".join(f"{100 * wide.loc[name, method]:.0f} %" for method in ("smc", "forest"))
            for name in names
        )
        + "."
    )


def rivals_table(tables: Tables) -> tuple[tuple[str, ...], list[list[str]]]:
    """Explanations by rows: share by two methods, how often recognised, scores in communities not seen."""
    shares = tables["shares"].pivot(index="model", columns="method", values="share")
    right, scores = tables["confusion"].set_index("truth"), tables["scores"]
    rows = []
    for name in [name for name in RIVAL_TITLES if name in set(scores["model"])]:
        cells = [RIVAL_TITLES[name]]
        cells += [
            f"{100 * shares.loc[name, method]:.0f} %" if name in shares.index else "-" for method in ("smc", "forest")
        ]
        cells.append(f"{100 * right.loc[name, name]:.0f} %" if name in right.index else "-")
        for score in ("log_score", "crps", "auc"):
            part = scores[(scores["kind"] == "communities") & (scores["score"] == score) & (scores["model"] == name)]
            cells.append(f"{part['mean'].iloc[0]:.2f}" if len(part) else "-")
        rows.append(cells)
    return ("explanation", "share, SMC", "share, forest", "recognised", "log score", "CRPS", "AUC"), rows


def _first(shares: pd.DataFrame, method: str) -> str:
    of = shares[shares["method"] == method]
    return str(of.loc[of["share"].idxmax(), "model"])


def rival_findings(tables: Tables) -> list[str]:
    """Which explanation comes first by each method, and how the full one does."""
    shares = tables["shares"]
    wide = shares.pivot(index="model", columns="method", values="share")
    told = []
    for method, words in (("smc", "sequential ABC"), ("forest", "a random forest")):
        first = _first(shares, method)
        told.append(
            f"By {words}, “{RIVAL_TITLES[first]}” comes first with a share of {100 * wide.loc[first, method]:.0f} %"
            + (
                f"; “{RIVAL_TITLES['full']}” has {100 * wide.loc['full', method]:.0f} %."
                if first != "full" and "full" in wide.index
                else "."
            )
        )
    scores = tables["scores"]
    part = scores[
        (scores["kind"] == "communities") & (scores["score"] == "log_score") & (scores["reference"] == "bass")
    ]
    better = [RIVAL_TITLES[row.model] for row in part.itertuples() if row.low > 0 and row.model in RIVAL_TITLES]
    told.append(
        "Communities that were not used to fit are predicted better than by a Bass curve by: "
        + (", ".join(dict.fromkeys(better)) if better else "none")
        + "."
    )
    return told + _against_the_best(scores)


WITHOUT_AGENTS = ("bass", "logistic", "constant", "logit")
CLOSE = 0.03  # a log score that is less far from the best counts as good


def _against_the_best(scores: pd.DataFrame) -> list[str]:
    """How the best of the explanations predicts beside the best of what needs no agents."""
    part = scores[(scores["kind"] == "communities") & (scores["score"] == "log_score")]
    means = part.drop_duplicates("model").set_index("model")["mean"]
    plain = means[[name for name in means.index if name in WITHOUT_AGENTS]]
    ours = means[[name for name in means.index if name not in WITHOUT_AGENTS]]
    if plain.empty or ours.empty:
        return []
    own, other = str(ours.idxmax()), str(plain.idxmax())
    gap = float(ours.max() - plain.max())
    told = (
        f"The best of these explanations, “{RIVAL_TITLES[own]}”, has a log score of {ours.max():.2f} in communities "
        f"that it has not seen; the best without agents, “{RIVAL_TITLES[other]}”, has {plain.max():.2f}: "
    )
    if gap >= 0:
        return [told + "the explanation is at least as good."]
    if gap >= -CLOSE:
        return [told + f"within {CLOSE} of it."]
    return [told + "none of the explanations predicts as well, so what they say of causes has little to stand on."]


def rival_certainty(tables: Tables) -> list[str]:
    """Whether the methods agree, and how often each explanation is recognised."""
    shares, right = tables["shares"], tables["confusion"].set_index("truth")
    agree = _first(shares, "smc") == _first(shares, "forest")
    known = {name: right.loc[name, name] for name in RIVAL_TITLES if name in right.index}
    worst = min(known, key=known.get)
    return [
        "Two methods that share nothing but the simulations put the same explanation first."
        if agree
        else "The two methods put different explanations first: nothing is decided.",
        f"In data made by a known explanation, the forest names the right one in {100 * min(known.values()):.0f} "
        f"to {100 * max(known.values()):.0f} % (least for “{RIVAL_TITLES[worst]}”).",
    ]
