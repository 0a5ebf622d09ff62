"""What is generated in docs/: tables of ODD.md and TRACE.md between markers, and CLI.md (`make docs`)."""

from __future__ import annotations

import csv
import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

DOCS = Path(__file__).resolve().parents[1] / "docs"
FINDINGS = DOCS.parent / "results/reference"


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in lines)


def schedule() -> str:
    """The steps of a month, in order."""
    from valign.model.parameters import RECORDS

    rows = [("", "(start)", "the month's draws are made; nobody has been replaced yet", "–")]
    for record in RECORDS:
        parts = ", ".join(part for _, part in record.entries) or "–"
        rows.append((f"§{record.section}", f"`{record.name}`", record.title, parts))
        rows += [(f"§{record.section}", f"`{rule}`", what, "–") for rule, what in record.rules.items()]
    rows.append(("", "(end)", "the month is recorded", "–"))
    numbered = [(str(number), *row) for number, row in enumerate(rows)]
    return table(("step", "§", "switch", "what happens", "parts in the decomposition"), numbered)


def parameters() -> str:
    """All parameters in short; docs/PARAMETERS.md has meaning and source."""
    from valign.model.parameters import PARAMETERS

    return table(
        ("parameter", "of", "default", "plausible range", "unit", "scope"),
        [
            (f"`{p.name}`", p.mechanism, f"{p.default:g}", f"{p.low:g} … {p.high:g}", p.unit, p.scope)
            for p in PARAMETERS.values()
        ],
    )


def declared(columns: Mapping[str, Any], head: str) -> str:
    """Columns or terms with what they mean."""
    return table((head, "meaning", "unit"), [(f"`{name}`", each.meaning, each.unit) for name, each in columns.items()])


def decomposition() -> str:
    """Mechanisms and parts that alignment is booked to."""
    from valign.model.ledger.decomposition import ENTRIES

    mechanisms = dict.fromkeys(name for name, _ in ENTRIES)
    return table(
        ("mechanism", "part"),
        [(f"`{name}`", ", ".join(f"`{part}`" for entry, part in ENTRIES if entry == name)) for name in mechanisms],
    )


def _finding(path: str) -> list[dict[str, str]]:
    with (FINDINGS / path).open(encoding="utf-8") as file:
        return list(csv.DictReader(file))


def _share(text: str) -> str:
    return f"{100 * float(text):z.0f} %" if text else "–"


def grades() -> str:
    """How well the parameters are known."""
    from valign.model.parameters import PARAMETERS

    found = Counter(p.grade for p in PARAMETERS.values())
    return table(("grade", "parameters"), [(grade, str(found[grade])) for grade in ("measured", "inferred", "assumed")])


def facts() -> str:
    """What the published facts say of the model at its defaults and without effects of fit; those that it misses."""
    from valign.calibration.patterns.study import VERDICTS

    rows = _finding("facts.csv")

    def counted(column: str) -> list[str]:
        return [str(sum(row[column] == said for row in rows)) for said in VERDICTS]

    missed = [
        f"- {row['verdict']}: {row['title']}: {float(row['model']):.2f} [{float(row['low']):.2f}, "
        f"{float(row['high']):.2f}] {row['unit']}, published {row['bound']} {float(row['value']):g}".replace("  ", " ")
        for said in VERDICTS[:0:-1]
        for row in rows
        if row["verdict"] == said
    ]
    counts = [("at its defaults", *counted("verdict")), ("without effects of fit", *counted("no_fit_verdict"))]
    return "\n".join([table(("the model", *VERDICTS), counts), "", *missed])


def verdicts() -> str:
    """The claims that ship, and what became of them."""
    stated = {"assumed": "yes", "partly": "in part", "emergent": "no"}
    return table(
        ("claim", "an equation states it", "verdict", "as predicted", "reversed", "without the assumption"),
        [
            (
                f"{row['claim']} {row['title']}",
                stated[row["grade"]],
                row["verdict"],
                _share(row["predicted"]),
                _share(row["reversed"]),
                _share(row["null_predicted"]),
            )
            for row in _finding("claims/claims.csv")
        ],
    )


def recommissioning() -> str:
    """The five arms of the study behind claim 15."""
    return table(
        ("arm", "runs that recommission", "expected", "met"),
        [
            (
                row["arm"],
                f"{_share(row['recommission'])} ({_share(row['low'])} to {_share(row['high'])})",
                row["expected"],
                "yes" if row["as_expected"] == "True" else "**no**",
            )
            for row in _finding("claims/recommissioning.csv")
        ],
    )


def recovered() -> str:
    """What simulated data of the size of Medical Innovation give back of the default free parameters, and the fit."""
    fitted = {row["parameter"]: row for row in _finding("calibration/summary.csv") if row["method"] == "regression"}
    rows = [row for row in _finding("calibration/recovery.csv") if row["free"] == "default"]
    return table(
        (
            "parameter",
            "posterior mean (5 to 95 %)",
            "prior variance gone, in recovery",
            "90 % intervals that hold the truth",
            "ranks uniform",
            "identified",
        ),
        [
            (
                f"`{row['parameter']}`",
                "{mean:.2f} ({q05:.2f} to {q95:.2f})".format(
                    **{key: float(fitted[row["parameter"]][key]) for key in ("mean", "q05", "q95")}
                ),
                _share(row["contraction"]),
                _share(row["coverage_90"]),
                f"p = {float(row['ks_p']):.2f}",
                "yes" if row["identified"] == "True" else "**no**",
            )
            for row in rows
        ],
    )


def generated() -> dict[str, Callable[[], str]]:
    """What stands between the markers of docs/ODD.md and docs/TRACE.md, by the name of the marker."""
    from valign.model import outcomes
    from valign.model.parameters import TERMS

    return {
        "schedule": schedule,
        "parameters": parameters,
        "decomposition": decomposition,
        "outcomes": lambda: declared(outcomes.OUTCOMES, "column"),
        "people": lambda: declared(outcomes.PEOPLE_SERIES, "variable"),
        "commissioners": lambda: declared(outcomes.COMMISSIONER_SERIES, "variable"),
        "services": lambda: declared(outcomes.SERVICE_SERIES, "variable"),
        "places": lambda: declared(outcomes.PLACE_SERIES, "column"),
        "agents": lambda: declared(outcomes.AGENT_SERIES, "column"),
        "person-terms": lambda: declared(TERMS["engagement"], "term"),
        "service-terms": lambda: declared(TERMS["organisations"], "term"),
        "award-terms": lambda: declared(TERMS["commissioning"], "term"),
        "grades": grades,
        "facts": facts,
        "verdicts": verdicts,
        "recommissioning": recommissioning,
        "recovered": recovered,
    }


PAGES = ("ODD.md", "TRACE.md")
MARKED = re.compile(r"(<!-- generated: ([\w-]+) -->\n)(.*?)(<!-- end -->)", re.DOTALL)


def with_tables(text: str) -> str:
    """A page with what stands between its markers made anew."""
    make = generated()
    return MARKED.sub(lambda found: found[1] + make[found[2]]() + "\n" + found[4], text)


def command_line() -> str:
    """docs/CLI.md: every command with its arguments and options, as `valign COMMAND --help` has them."""
    from typer.main import get_command

    from valign.cli.app import app

    lines = [
        "# Command line",
        "",
        "Made by `make docs` from `valign COMMAND --help`. Exit codes: 0 done, 1 failed, "
        "2 wrong input, 130 interrupted (what is finished is kept).",
        "",
    ]
    for name, command in sorted(get_command(app).commands.items()):  # type: ignore[attr-defined]
        inner = getattr(command, "commands", {})
        for title, each in ((name, command), *((f"{name} {sub}", inner[sub]) for sub in sorted(inner))):
            lines += [f"## valign {title}", "", each.help, "", *_options(title, each), ""]
    return "\n".join(lines).rstrip() + "\n"


def _options(title: str, command: Any) -> list[str]:
    rows, usage = [], []
    for each in command.params:
        if each.param_type_name == "argument":
            name = (each.metavar or each.name.upper()).replace("|", " or ")
            usage.append(name if each.required or name.startswith("[") else f"[{name}]")
            rows.append((f"`{name.replace('[', '').replace(']', '')}`", each.help or "", ""))
        elif "--help" not in each.opts:
            value = "" if each.is_flag else " " + (each.metavar or each.name.upper()).replace("|", " or ")
            default = "" if each.default in (None, False, "", ()) or callable(each.default) else str(each.default)
            if each.required:
                default, usage = "required", [*usage, f"{each.opts[0]}{value}"]
            rows.append((f"`{', '.join(each.opts)}{value}`", each.help or "", default))
    return (
        [
            "```",
            " ".join(["valign", title, *usage, "[OPTIONS]"]),
            "```",
            "",
            table(("argument or option", "meaning", "default"), rows),
        ]
        if rows
        else []
    )


def write(docs: Path = DOCS) -> None:
    """Make everything generated anew."""
    for page in (docs / name for name in PAGES):
        page.write_text(with_tables(page.read_text("utf-8")), "utf-8")
    (docs / "CLI.md").write_text(command_line(), "utf-8")


if __name__ == "__main__":
    write()
