"""raw.csv -> RESULTS.md and the figure. Needs none of the peers."""

from __future__ import annotations

import math
from pathlib import Path
from statistics import NormalDist
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from valign.results.figures.common import STYLES, apart, new_figure, note, save
from valign.results.palette import INK, MUTED

if TYPE_CHECKING:
    from matplotlib.figure import Figure

OURS = "valign"
TITLES = {"uptake": "Uptake passed on by peers", "values": "Values, bounded confidence", "whole": "The whole model"}
CHECKED = (12, 24, 36, 48, 60)  # months at which uptake is compared
REFERENCE = "plain-Mesa reference"
DRAWN = {
    "valign": ("#2c105c", STYLES[0]),
    "Starsim": ("#b5367a", STYLES[1]),
    "Mesa": ("#cf7510", STYLES[2]),
    "ndlib": ("#2b5c8a", (0, (6, 1.5, 1.5, 1.5))),
    REFERENCE: (MUTED, (0, (3, 1))),
}
LIMITS = """\
- **uptake** is the same process for all: the chance in a month is 1 − (1 − 0.01)ⁿ with n ties to people who have
  taken it up; 2 % have at the start. valign does it with its awareness by ties and engagement at once, everything
  else off (it still draws four numbers for everybody a month and keeps costs up to date). Starsim
  does it with its SIR module without recovery or death, with random numbers of its own for each pair; ndlib with
  SIModel; Mesa with a model written here, lean (lists of ties, no space), which counts what it collects once a
  month, as all do.
- **values** is the same rule for valign, Mesa and the reference (all ties at once, kernel 1 − (d/0.3)²). **ndlib
  has no such rule**: its AlgorithmicBias model without bias (Deffuant) takes so many random *pairs* a month as
  there are people, about a fifth of the ties, where the others look at every tie. Its HK and WHK were left out: in
  6.0.1 HK changes only the last person picked in a step, and both copy the list of people for every pick, so that a
  step takes the square of their number. Starsim has nothing for values.
- **whole**: the model of docs/ODD.md, which only tests/reference has besides valign. It was written to be read, not
  to be fast; two-services many times over.
- A run is timed on a network that is ready; *set-up* is what comes before. For the others that is from a list of
  ties to a network of their own; valign and the reference build the society itself anew, from its seed.
- All on one core. valign runs an ensemble in blocks of up to 64 that share a society (fewer, and slower, where fewer
  runs were made); Mesa and the reference through
  `mesa.batch_run`; ndlib and Starsim one run after another in one process. All of them can use more cores.
- What the peers are made for counts here for nothing: Starsim's births, deaths, interventions and random numbers
  that belong to agents; ndlib's many models of diffusion; Mesa's freedom to write any model at all in a few lines.
- valign's compiled code must be made once for a version (*start, nothing compiled*); for one short run it is the
  slowest.
"""


def read(path: Path) -> pd.DataFrame:
    """raw.csv, numbers as numbers."""
    return pd.read_csv(path, dtype={"note": str, "version": str}, keep_default_na=True)


def number(value: float) -> str:
    """Three digits, thousands apart."""
    if not np.isfinite(value):
        return ""
    if value == 0:
        return "0"
    digits = max(0, 2 - math.floor(math.log10(abs(value))))
    return f"{value:,.{digits}f}"


def rows_of(columns: list[str], rows: list[list[str]]) -> list[str]:
    """A Markdown table."""
    return [
        "| " + " | ".join(columns) + " |",
        "|" + "---|" * len(columns),
        *("| " + " | ".join(row) + " |" for row in rows),
        "",
    ]


def medians(raw: pd.DataFrame) -> pd.DataFrame:
    """Single runs by task, tool and size: medians over repeats in seconds of a core, and `ratio` to valign's."""
    raw = raw[(raw["measure"] == "single") & (raw["status"] == "ok")]
    keys = ["task", "tool", "size"]
    out = (
        raw.groupby(keys, sort=False)
        .agg(
            people=("people", "first"),
            ties=("ties", "first"),
            setup=("setup_cpu", "median"),
            seconds=("cpu", "median"),
            low=("cpu", "min"),
            high=("cpu", "max"),
            repeats=("cpu", "size"),
            peak=("peak_MB", "max"),
            above=("start_MB", "first"),
        )
        .reset_index()
    )
    out["above"] = out["peak"] - out["above"]
    out["months"] = raw.groupby(keys, sort=False)["months"].first().to_numpy()
    return with_ratio(out, ["task", "size"])


def ensembles(raw: pd.DataFrame) -> pd.DataFrame:
    """Ensembles: seconds of a core a run, and `ratio` to valign's."""
    out = raw[(raw["measure"] == "ensemble") & (raw["status"] == "ok")].copy()
    out["seconds"] = out["cpu"] / out["runs"]
    return with_ratio(out, ["task", "size"])


def with_ratio(table: pd.DataFrame, keys: list[str]) -> pd.DataFrame:
    table["nanoseconds"] = table["seconds"] / table["people"] / table["months"] * 1e9
    ours = table[table["tool"] == OURS].set_index(keys)["nanoseconds"]
    index = pd.MultiIndex.from_frame(table[keys])
    table["ratio"] = table["nanoseconds"].to_numpy() / ours.reindex(index).to_numpy()
    return table


def agreement(raw: pd.DataFrame) -> tuple[pd.DataFrame, float]:
    """Mean uptake in the checked months against valign's: columns tool, month, mean, error (standard), runs, z.

    Also the |z| that all comparisons together stay under with probability 95 % if the tools do the same (Bonferroni).
    """
    part = raw[(raw["measure"] == "check") & (raw["task"] == "uptake") & (raw["status"] == "ok")]
    part = part[part["month"].isin(CHECKED)].copy()
    part["error"] = part["sd"] / np.sqrt(part["runs"])
    ours = part[part["tool"] == OURS].set_index("month")
    part["z"] = [
        np.nan
        if row.tool == OURS or row.month not in ours.index
        else (row.mean - ours["mean"][row.month]) / math.hypot(row.error, ours["error"][row.month])
        for row in part[["tool", "month", "mean", "error"]].itertuples(index=False)
    ]
    comparisons = max(1, int(part["z"].notna().sum()))
    return part[["tool", "month", "mean", "error", "runs", "z"]], NormalDist().inv_cdf(1 - 0.025 / comparisons)


def single_section(raw: pd.DataFrame) -> list[str]:
    table = medians(raw)
    lines = [
        "## One run, by size",
        "",
        "Medians of the seconds that a core was busy (on a machine with nothing else to do, those of the "
        "clock, which stand in raw.csv); 60 months. Ratio: against valign's at the same size; under 1, the other "
        "is faster. Memory: the most that the process held, and what of it came after the start-up with a small "
        "run.",
        "",
    ]
    for task in TITLES:
        part = raw[(raw["measure"] == "single") & (raw["task"] == task)]
        rows = []
        for (tool, size), group in part.groupby(["tool", "size"], sort=False):
            found = table[(table["task"] == task) & (table["tool"] == tool) & (table["size"] == size)]
            if found.empty:
                rows.append([tool, f"{size:,}", "", f"*{group['status'].iloc[0]}*", "", "", "", ""])
                continue
            one = found.iloc[0]
            rows.append(
                [
                    tool,
                    f"{one.people:,.0f}",
                    number(one.setup),
                    f"{number(one.seconds)} ({number(one.low)} to {number(one.high)}, {one.repeats})",
                    number(one.nanoseconds),
                    number(one.ratio),
                    f"{one.peak:,.0f}",
                    f"{max(0.0, one.above):,.0f}",
                ]
            )
        if rows:
            lines += [
                f"### {TITLES[task]}",
                "",
                *rows_of(
                    [
                        "tool",
                        "people",
                        "set-up, s",
                        "run, s (range, repeats)",
                        "ns per agent-month",
                        "ratio",
                        "memory, MB",
                        "of it added",
                    ],
                    rows,
                ),
            ]
    return lines


def ensemble_section(raw: pd.DataFrame) -> list[str]:
    table = ensembles(raw)
    order = {task: place for place, task in enumerate(TITLES)}
    table = table.sort_values("task", key=lambda column: column.map(order), kind="stable")
    table = table.sort_values("size", kind="stable")
    rows = [
        [
            TITLES[one.task],
            f"{one.people:,.0f}",
            one.tool,
            f"{one.runs:,.0f}",
            number(1000 * one.seconds),
            number(one.nanoseconds),
            number(one.ratio),
            number(1000 * one.seconds / 60),
        ]
        for one in table.itertuples()
    ]
    return [
        "## An ensemble of 1,000 runs",
        "",
        "Seconds of a core. Where fewer runs were made, the time of 1,000 is worked out from them; a tool is left "
        "out where two runs would have taken longer than allowed.",
        "",
        *rows_of(
            [
                "task",
                "people",
                "tool",
                "runs made",
                "ms a run",
                "ns per agent-month",
                "ratio",
                "minutes for 1,000 runs",
            ],
            rows,
        ),
    ]


def check_section(raw: pd.DataFrame) -> list[str]:
    table, bound = agreement(raw)
    rows = []
    for tool, part in table.groupby("tool", sort=False):
        part = part.sort_values("month")
        largest = part["z"].abs().max()
        verdict = "" if tool == OURS else f"{largest:.2f}: " + ("within" if largest < bound else "**not** within")
        rows.append(
            [
                tool,
                f"{part['runs'].iloc[0]:,.0f}",
                *(
                    f"{100 * one.mean:.1f} ± {100 * one.error:.1f}"
                    for one in part[["mean", "error"]].itertuples(index=False)
                ),
                verdict,
            ]
        )
    lines = [
        "## Do they do the same?",
        "",
        "**Uptake**: mean share who have taken it up, in per cent ± standard error, on one network; the largest "
        f"|z| against valign should stay under {bound:.2f} (5 % over all the comparisons together).",
        "",
        *rows_of(["tool", "runs", *(f"month {month}" for month in CHECKED), "largest z"], rows),
    ]
    values = raw[(raw["measure"] == "check") & (raw["task"] == "values") & (raw["status"] == "ok")]
    said = [f"{one.tool} {one.difference:.0e}" for one in values.itertuples() if np.isfinite(one.difference)]
    return [
        *lines,
        "**Values**: the same start for everybody; largest difference from valign in anybody's value after "
        f"60 months: {', '.join(said) or 'not measured'}. ndlib's rule is another one, so it is not compared.",
        "",
    ]


def start_section(raw: pd.DataFrame) -> list[str]:
    wide = raw[raw["measure"].isin(["start-cold", "start-warm"]) & (raw["status"] == "ok")]
    wide = wide.pivot_table(index=["task", "tool"], columns="measure", values="seconds", sort=False).reset_index()
    return [
        "## From nothing to the end of a first run of 100 people",
        "",
        "By the clock.",
        "",
        *rows_of(
            ["task", "tool", "start, nothing compiled, s", "start again, s"],
            [
                [
                    TITLES[one["task"]],
                    one["tool"],
                    number(one.get("start-cold", math.nan)),
                    number(one.get("start-warm", math.nan)),
                ]
                for one in wide.to_dict("records")
            ],
        ),
    ]


def optimiser_section(found: pd.DataFrame) -> list[str]:
    """The race of `valign decide` beside EMA Workbench's optimiser."""
    first = found.iloc[0]
    rows = [
        [
            one["tool"],
            f"{one['worlds_each']:,}",
            f"{one['runs']:,}",
            f"{one['front']}",
            f"{100 * one['covered'] / first['covered']:.1f} %",
            f"{one['best']:.1f}",
            f"{one['core_seconds']:.0f}",
        ]
        for one in found.to_dict("records")
    ]
    return [
        "## What to do with a budget, at equal runs",
        "",
        "Both look for mixes of up to three of the same actions in `two-services` (36 months, up to £300,000) that "
        "give much use for little money, in the same worlds and with the same simulator: valign by the race of "
        "`valign decide` (no mix in more worlds than stand in the table), EMA Workbench 2.5.3 by its robust "
        "optimisation (epsilon-NSGA-II), which tries each mix in the same number of worlds. Each front is judged anew "
        f"on {first['fresh']:,} fresh worlds.",
        "",
        *rows_of(
            [
                "tool",
                "worlds",
                "runs",
                "mixes on the front",
                "covers, of valign's",
                "best gain, points",
                "seconds of a core",
            ],
            rows,
        ),
        "What a front covers is the hypervolume of money and gain. Mixes that break a constraint or come again are not "
        "run and not counted for EMA Workbench. One start of each: it is an example, not a ranking.",
        "",
    ]


def document(raw: pd.DataFrame, optimiser: pd.DataFrame | None = None) -> str:
    """RESULTS.md."""
    versions = raw.dropna(subset=["version"]).drop_duplicates("tool")
    said = ", ".join(
        f"{one.tool} {one.version}"
        if one.tool.lower() in ("valign", "ndlib", "starsim")
        else f"{one.tool} (Mesa {one.version})"
        for one in versions.itertuples()
    )
    notes = [each for each in raw["note"].dropna().unique() if each]
    load = pd.to_numeric(raw["load"]).dropna()
    busy = f" Load of the machine as each measurement began: median {load.median():.1f}, at most {load.max():.1f}."
    return "\n".join(
        [
            "# valign beside its peers",
            "",
            f"Made by `make bench-peers` from raw.csv: one machine ({raw['machine'].iloc[0]}), each tool in a process "
            f"of its own, on one core, after a run that was not counted. {said}.{busy}"
            + (f" **Note: {'; '.join(notes)}**, which slows down even the seconds of a core." if notes else ""),
            "",
            "Limits: a size is not tried once a run would take longer or need more than allowed "
            f"({raw['ceilings'].iloc[0]}).",
            "",
            "![Seconds of one run against the number of people](cost.png)",
            "",
            *single_section(raw),
            *ensemble_section(raw),
            *check_section(raw),
            *start_section(raw),
            *([] if optimiser is None else optimiser_section(optimiser)),
            "## What is compared with what",
            "",
            LIMITS,
        ]
    )


def figure(table: pd.DataFrame) -> Figure:
    """Seconds of a run against people, both logarithmic, a panel for each task; bars: range of the repeats."""
    tasks = [task for task in TITLES if task in set(table["task"])]
    drawn, panels = new_figure(len(tasks), 4.6 * len(tasks), 4.6)
    low, high = table["low"].min() / 2, table["high"].max() * 4
    for axes, task in zip(panels, tasks, strict=True):
        axes.set(xscale="log", yscale="log", xlim=(350, 1.5e7), ylim=(low, high), xlabel="people")
        axes.set_title(TITLES[task], loc="left", fontsize=11, fontweight="bold", color=INK)
        axes.set_xticks([1e3, 1e4, 1e5, 1e6], ["1,000", "10,000", "100,000", "1 million"])
        axes.minorticks_off()
        ends = []
        for tool, line in table[table["task"] == task].groupby("tool", sort=False):
            line = line.sort_values("people")
            bars = [line["seconds"] - line["low"], line["high"] - line["seconds"]]
            colour, style = DRAWN[str(tool)]
            axes.errorbar(
                line["people"], line["seconds"], bars, color=colour, ls=style, marker="o", ms=4, lw=2, elinewidth=1
            )
            last = line.iloc[-1]
            if tool == REFERENCE:  # ends early, beneath other lines
                axes.annotate(
                    "plain-Mesa\nreference",
                    (last["people"], last["high"] * 1.25),
                    color=colour,
                    ha="center",
                    va="bottom",
                    fontsize=9.5,
                )
            else:
                ends.append((tool, last["people"], last["seconds"]))
        places = apart([math.log10(end[2]) for end in ends], 0.055 * math.log10(high / low))
        for (tool, people, _), place in zip(ends, places, strict=True):
            axes.annotate(tool, (people * 1.35, 10**place), color=DRAWN[tool][0], va="center", fontsize=9.5)
    panels[0].set_ylabel("seconds of a core, 60 months, one run")
    note(
        drawn,
        "Medians of repeats on a network that is ready; bars: their range. "
        "Lines end where the next size was over the limits.",
    )
    return drawn


def write(raw_path: Path, folder: Path) -> None:
    """RESULTS.md, cost.svg, cost.png and cost.csv into `folder`."""
    raw = read(raw_path)
    table = medians(raw)
    save(figure(table), folder, "cost", table)
    optimiser = folder / "optimiser.csv"
    found = pd.read_csv(optimiser) if optimiser.is_file() else None
    (folder / "RESULTS.md").write_text(document(raw, found), "utf-8")
