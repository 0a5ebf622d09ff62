"""The committed result of the eighteen claims.

    python -m valign.experiments.claims [ID ...] [--worlds 200] [--plausible 100] [--rivals 25] [--variants 25]

In worlds that agree with published facts and, beside, in plausible worlds that fill the ranges (a quarter of an hour; a
stopped one goes on).

Writes results/reference/claims/: tables (CSV), figures, and claims.md, a page in plain words. Declarations and
parameters are those of the checkout; nothing is tuned here.
"""

from __future__ import annotations

import argparse
import sys
import time
from functools import partial
from pathlib import Path

import pandas as pd

from valign.model.compiled.compiling import sources_hash
from valign.model.errors import InputError
from valign.results.checkpoint import Parts, locked
from valign.results.figures.claims import overview_figure, waterfall_figure
from valign.results.figures.common import save
from valign.results.plain_text import frame_as_cells
from valign.results.reports.claims_page import attribution_page, case_page, page, waterfall_name
from valign.results.store import default_folder

from ..attribution import attribution
from .declaration import Claim, claim_ids
from .recommissioning import case, region
from .results import claim_tables
from .testing import SHIPPED_RUNS, test_claims
from .worlds import evaluate

OUT = Path(__file__).resolve().parents[2] / "results" / "reference" / "claims"
SEED, RUNS_PER_ARM = 20261124, 8
SCENARIOS = ("two-services", "housing-first", "social-prescribing", "low-fit")
TITLES = {
    "two-services": "Two services",
    "housing-first": "Housing First",
    "social-prescribing": "Social prescribing",
    "low-fit": "Low fit",
}
SAVED = (
    "plausible",
    "tests",
    "shipped",
    "rivals",
    "variants",
    "leaves",
    "failures",
    "recommissioning",
    "region",
    "attribution",
)


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description="Test the eighteen claims and write results/reference/claims/.")
    parser.add_argument("claims", nargs="*", metavar="ID", help="of claims, or files of one's own (default: all)")
    for name, default in (
        ("worlds", 200),
        ("plausible", 100),
        ("rivals", 25),
        ("variants", 25),
        ("shipped-runs", SHIPPED_RUNS),
        ("attribution-runs", 64),
        ("case-runs", 100),
        ("region-runs", 20),
    ):
        parser.add_argument(f"--{name}", type=int, default=default)
    parser.add_argument("--out", type=Path, default=OUT)
    wish = parser.parse_args(arguments)
    began = time.monotonic()

    def told(text: str) -> None:
        print(f"{time.monotonic() - began:5.0f} s  {text}", file=sys.stderr, flush=True)

    claims = [Claim.load(each) for each in wish.claims or claim_ids()]
    work = {"claims": [each.model_dump(mode="json") for each in claims], "worlds": wish.worlds, "code": sources_hash()}
    folder = default_folder("study-claims", work)
    with locked(folder):
        tested = partial(
            test_claims, claims, seed=SEED, told=told, evaluate=partial(evaluate, kept=Parts(folder, work))
        )
        results = tested(
            wish.worlds,
            RUNS_PER_ARM,
            rival_worlds=wish.rivals,
            variant_worlds=wish.variants,
            shipped_runs=wish.shipped_runs,
        )
        told("the same in plausible worlds")
        beside = tested(wish.plausible, RUNS_PER_ARM, plausible=True, shipped_runs=0)
    claims_took = time.monotonic() - began
    summary, tables = claim_tables(results, beside)
    told("C15 as the study tells it")
    tables |= {"recommissioning": case(wish.case_runs, SEED), "region": region(wish.region_runs, SEED)}
    parts = []
    for name in SCENARIOS:
        told(f"what moved alignment in {name}")
        parts.append(attribution(name, wish.attribution_runs, SEED))
    tables["attribution"] = pd.concat(parts, ignore_index=True)
    wish.out.mkdir(parents=True, exist_ok=True)
    took = time.monotonic() - began
    publish(
        wish.out,
        summary,
        tables,
        (
            f"Made by `make claims`: {wish.worlds} worlds that agree with published facts and {wish.plausible} "
            f"plausible ones, {RUNS_PER_ARM} seeds in each, seed {SEED}, {wish.rivals} worlds for rivals, "
            f"{wish.variants} for variants; "
            f"{summary['runs'].sum() + tables['plausible']['runs'].sum():,} runs in {claims_took / 60:.0f} "
            "minutes; with the social prescribing case and the decomposition "
            f"{took / 60:.0f} minutes. The claims were declared in "
            "`experiments/claims/` in a commit before any of them was run."
        ),
    )
    told(f"{wish.out}")


def publish(folder: Path, summary: pd.DataFrame, tables: dict[str, pd.DataFrame], how: str) -> None:
    """Page, figures and tables of the committed result."""
    moved = tables["attribution"]
    for name, part in moved.groupby("scenario", sort=False):
        whole = part.query("episode == 'all' and role == 'all'")
        for balance in ("alignment", "fit"):
            figure = waterfall_figure(part, f"{TITLES[name]}: what moved {balance}", balance)
            save(figure, folder, waterfall_name(name, balance), whole[whole["balance"] == balance])
    parts = [page(summary, tables, how), *case_page(tables["recommissioning"], tables["region"])]
    text = "\n".join([*parts, *attribution_page(moved)]).rstrip() + "\n"
    (folder / "claims.md").write_text(text, encoding="utf-8")
    save(overview_figure(summary, tables["plausible"]), folder, "claims", summary)
    for name in (name for name in SAVED if len(tables[name].columns)):  # of few worlds, no tree and no rivals
        frame_as_cells(tables[name]).to_csv(
            folder / f"{name}.csv", index=False, float_format="%.6g", lineterminator="\n"
        )


if __name__ == "__main__":
    try:
        main()
    except InputError as error:
        sys.exit(str(error))
