"""The report of every command: there, in one file, accessible, and its words agree with its tables."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from html.parser import HTMLParser
from itertools import pairwise
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from valign.cli.app import main
from valign.results.figures import network as figures_network, run as figures_run
from valign.results.reports import render as pages
from valign.results import store
from valign.results.vocabulary import headlines, label

SMALL = ("--months", "12", "--quiet")
COMMANDS = ("run", "levels", "compare", "batch", "sensitivity", "claims", "calibrate", "rivals")


class Seen(HTMLParser):
    """Headings, figures, identifiers, text by section, and everything that a page could fetch."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.headings: list[tuple[int, str]] = []
        self.figures: list[dict[str, str | None]] = []
        self.svgs_outside = 0
        self.ids: list[str] = []
        self.tags: set[str] = set()
        self.wanted: list[str] = []
        self.sections: dict[str, str] = {}
        self._figure = self._skipped = 0
        self._heading = 0
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = dict(attrs)
        self.tags.add(tag)
        self._heading = int(tag[1]) if re.fullmatch("h[1-6]", tag) else self._heading
        if self._heading and re.fullmatch("h[1-6]", tag):
            self.headings.append((self._heading, ""))
        if tag == "figure":
            self.figures.append(found)
        self._figure += tag == "figure"
        self._skipped += tag in ("svg", "style")
        self.svgs_outside += tag == "svg" and not self._figure
        if "id" in found:
            self.ids.append(str(found["id"]))
        self.wanted += [str(found[name]) for name in ("src", "href", "xlink:href", "data", "action") if name in found]

    def handle_endtag(self, tag: str) -> None:
        self._figure -= tag == "figure"
        self._skipped -= tag in ("svg", "style")
        if re.fullmatch("h[1-6]", tag):
            self._heading = 0

    def handle_data(self, data: str) -> None:
        if self._skipped:
            return
        if self._heading:
            self.headings[-1] = (self._heading, self.headings[-1][1] + data)
        elif self.headings:
            section = next(words for level, words in reversed(self.headings) if level < 3)
            self.sections[section] = self.sections.get(section, "") + data


def calibration_tables() -> dict[str, dict[str, pd.DataFrame]]:
    """Tables as `valign calibrate` and `valign rivals` leave them, with numbers that are easy to find again."""
    rng = np.random.default_rng(1)
    summary = pd.DataFrame(
        [
            {
                "method": method,
                "parameter": name,
                "mean": 0.31,
                "q05": 0.123,
                "q25": 0.2,
                "q50": 0.3,
                "q75": 0.4,
                "q95": 0.456,
                "prior_low": 0.0,
                "prior_high": 0.7,
                "contraction": 0.8,
                "informed": name == "fit_effect",
                "identified": name == "fit_effect",
            }
            for name in ("fit_effect", "slack")
            for method in ("regression", "forest", "smc")
        ]
    )
    recovery = pd.DataFrame(
        [
            {
                "parameter": name,
                "data_sets": 300,
                "bias": 0.01,
                "rmse": 0.1,
                "correlation": 0.9,
                "coverage_90": 0.89,
                "identified": name == "fit_effect",
                "calibrated": True,
            }
            for name in ("fit_effect", "slack")
        ]
    )
    recovered = pd.DataFrame({"parameter": np.repeat(["fit_effect", "slack"], 100), "rank": rng.random(200)})
    months = np.arange(13)
    predictive = pd.DataFrame(
        {
            "group": "everybody",
            "people": 50,
            "period": months,
            "observed": months / 20,
            "low": months / 20 - 0.05,
            "lower": months / 20 - 0.02,
            "median": months / 20,
            "upper": months / 20 + 0.02,
            "high": months / 20 + 0.05,
        }
    )
    predictive.loc[12, "observed"] = 0.99
    models = ("full", "peers", "values")
    shares = pd.DataFrame(
        [
            {"method": method, "model": name, "share": share}
            for method in ("smc", "forest")
            for name, share in zip(models, (0.2, 0.1, 0.7), strict=True)
        ]
    )
    confusion = pd.DataFrame({"truth": models, **{name: 0.2 for name in models}})
    for n, name in enumerate(models):
        confusion.loc[n, name] = 0.6
    scores = pd.DataFrame(
        [
            {
                "kind": "communities",
                "score": score,
                "model": name,
                "mean": -2.5,
                "reference": reference,
                "difference": 0.1,
                "low": 0.02 if name == "values" else -0.1,
                "high": 0.3,
            }
            for score in ("log_score", "crps", "auc")
            for name in (*models, "bass", "logistic")
            for reference in ("bass", "logistic")
            if name != reference
        ]
    )
    odds = pd.DataFrame(
        [
            {"generation": place, "epsilon": 2.0 - place, "model": name, "share": share, "ess": 300.0}
            for place in (0, 1)
            for name, share in zip(models, (0.2, 0.1, 0.7), strict=True)
        ]
    )
    remarks = pd.DataFrame({"remark": ["One tie was dropped."]})
    return {
        "calibrate": {
            "summary": summary,
            "recovery": recovery,
            "recovered": recovered,
            "predictive": predictive,
            "generations": pd.DataFrame({"generation": [0, 1], "simulations": [1000, 2000]}),
            "remarks": remarks,
        },
        "rivals": {"shares": shares, "confusion": confusion, "scores": scores, "odds": odds, "remarks": remarks},
    }


@pytest.fixture(scope="module")
def reports(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """A folder of results of every command."""
    root = tmp_path_factory.mktemp("reports")
    folders = {name: root / name for name in COMMANDS}
    rng = np.random.default_rng(2)
    pd.DataFrame({"fit_effect": rng.uniform(0, 0.7, 12), "slack": rng.choice([0.1, 0.5], 12)}).to_csv(
        root / "mine.csv", index=False
    )
    for arguments in (
        ("run", "two-services", "--runs", "4", "--record", "ablations", *SMALL),
        ("levels", "two-services", "--runs", "4", *SMALL),
        ("compare", "two-services", "two-services+coproduction_intensity=0.4", "--runs", "4", *SMALL),
        (
            "batch",
            str(root / "mine.csv"),
            "--scenario",
            "two-services",
            "--replicates",
            "3",
            "--set",
            "months=12",
            "--quiet",
        ),
        (
            "sensitivity",
            "two-services",
            "--n",
            "8",
            "--replicates",
            "2",
            "--parameter",
            "fit_effect",
            "--parameter",
            "slack",
            "--curve",
            "engaged",
            "--outcome",
            "uptake_final",
            *SMALL,
        ),
        ("claims", "C7", "--worlds", "3", "--seeds", "2", "--quiet"),
    ):
        assert main([*arguments, "--out", str(folders[arguments[0]])]) == 0
    (folders["sensitivity"],) = folders["sensitivity"].glob("n8-*")
    for name, tables in calibration_tables().items():
        store.prepare(folders[name], {"command": name, "code": "x"})
        store.save(
            folders[name],
            tables,
            {"command": name, "code": "x"},
            scenario=None,
            title="Doctors and a drug",
            command=f"valign {name}",
            started=datetime.now(UTC),
            description="Observed: doctors.",
        )
        pages.rebuild(folders[name])
    return folders


def text(folder: Path) -> str:
    return (folder / "report.html").read_text("utf-8")


# --- every report -----------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("command", COMMANDS)
def test_a_report_is_one_file(reports: dict[str, Path], command: str) -> None:
    page, seen = text(reports[command]), Seen(text(reports[command]))
    assert not seen.tags & {"script", "link", "iframe", "object", "embed", "img", "base"}
    assert all(each.startswith(("#", "data:")) for each in seen.wanted)
    assert all(each.startswith("#") for each in re.findall(r"url\(([^)]*)\)", page))
    assert "@import" not in page
    assert "http" not in re.sub(r"https?://www\.w3\.org/[\w/.]*", "", page)
    assert len(seen.ids) == len(set(seen.ids))


@pytest.mark.parametrize("command", COMMANDS)
def test_a_report_says_everything_in_order(reports: dict[str, Path], command: str) -> None:
    seen = Seen(text(reports[command]))
    levels = [level for level, _ in seen.headings]
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(later - earlier <= 1 for earlier, later in pairwise(levels))
    assert all(words.strip() for _, words in seen.headings)
    wanted = [
        "What was asked",
        "What was found",
        "How sure this is",
        "What not to conclude",
        "Numbers",
        "What was simulated",
        "Words used here",
        "To do it again",
    ]
    assert [words for level, words in seen.headings if level == 2 and words in wanted] == wanted
    for section in wanted[:4]:
        assert len(seen.sections[section].split()) > 10, section
    assert "nan" not in " ".join(seen.sections.values()).lower().split()


@pytest.mark.parametrize("command", COMMANDS)
def test_every_figure_has_its_files_and_words(reports: dict[str, Path], command: str) -> None:
    folder, seen = reports[command], Seen(text(reports[command]))
    assert seen.svgs_outside == 0
    assert len(seen.figures) == len(list(folder.glob("*.svg"))) >= 1
    for each in seen.figures:
        assert each["role"] == "img"
        assert len((each["aria-label"] or "").split()) > 8
        assert "nan" not in (each["aria-label"] or "").lower().split()
    for picture in folder.glob("*.svg"):
        assert picture.with_suffix(".png").stat().st_size > 0
        assert len(pd.read_csv(picture.with_suffix(".csv"))) > 0


@pytest.mark.parametrize("command", COMMANDS)
def test_a_report_is_drawn_anew_from_its_tables(
    reports: dict[str, Path], command: str, capsys: pytest.CaptureFixture[str]
) -> None:
    folder, before = reports[command], text(reports[command])
    pictures = {path: path.read_bytes() for path in folder.glob("*.svg")}
    for path in (*pictures, folder / "report.html"):
        path.unlink()
    assert main(["report", str(folder)]) == 0
    assert text(folder) == before
    assert all(path.read_bytes() == content for path, content in pictures.items())
    crate = (folder / "ro-crate-metadata.json").read_text("utf-8")
    assert '"report.html"' in crate


def test_a_finished_folder_without_a_report_gets_one(reports: dict[str, Path], tmp_path: Path) -> None:
    arguments = ["run", "two-services", "--runs", "2", *SMALL, "--out", str(tmp_path / "out")]
    assert main(arguments) == 0
    (tmp_path / "out" / "report.html").unlink()
    assert main(arguments) == 0
    assert (tmp_path / "out" / "report.html").exists()


def test_single_runs_and_settings_without_effect_get_honest_words(tmp_path: Path) -> None:
    assert main(["run", "two-services", "--runs", "1", *SMALL, "--out", str(tmp_path / "run")]) == 0
    seen = Seen(text(tmp_path / "run"))
    assert "In this one run" in seen.sections["What was found"]
    assert "a single run" in seen.sections["How sure this is"]
    assert main(["compare", "low-fit", "two-services", "--runs", "1", *SMALL, "--out", str(tmp_path / "compare")]) == 0
    assert "Too few runs to say how sure" in Seen(text(tmp_path / "compare")).sections["What was found"]
    assert main(["levels", "two-services", "--levels", "0.7", "--runs", "2", *SMALL, "--out", str(tmp_path / "1")]) == 0
    design = pd.DataFrame({"sustainment_rule": ["direct", "emergent"] * 2, "seed": [1, 1, 2, 2], "months": 3})
    design.to_csv(tmp_path / "rules.csv", index=False)
    assert (
        main(
            [
                "batch",
                str(tmp_path / "rules.csv"),
                "--scenario",
                "two-services",
                "--quiet",
                "--out",
                str(tmp_path / "batch"),
            ]
        )
        == 0
    )
    assert re.search(
        r"Over sustainment_rule, .* stays at \d+ %\.", Seen(text(tmp_path / "batch")).sections["What was found"]
    )


def test_text_stands_out_from_the_page() -> None:
    template = (Path(pages.__file__).parent / "report.html.j2").read_text("utf-8")
    for colour in re.findall(r"(?<!-)\bcolor: #([0-9a-f]{3,6})\b", template):
        parts = [
            int(each * 2, 16) if len(colour) == 3 else int(colour[2 * n : 2 * n + 2], 16)
            for n, each in enumerate(colour[:3])
        ]
        linear = [x / 12.92 if x <= 0.03928 else ((x + 0.055) / 1.055) ** 2.4 for x in (p / 255 for p in parts)]
        assert 1.05 / (0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2] + 0.05) >= 4.5, colour


# --- words agree with tables ------------------------------------------------------------------------------------------
def test_the_words_of_a_run_are_its_numbers(reports: dict[str, Path]) -> None:
    seen, folder = Seen(text(reports["run"])), reports["run"]
    summary = pd.read_csv(folder / "summary.csv").set_index("outcome")
    for outcome in ("uptake_final", "uptake_peak", "spread_final"):
        row = summary.loc[outcome]
        told = f"{100 * row['mean']:.0f} % ({100 * row['mean_low']:.0f}–{100 * row['mean_high']:.0f})"
        assert told in seen.sections["What was found"], outcome
        assert told in seen.sections["Numbers"], outcome
    start, end, original = (summary.loc[f"alignment_{name}", "mean"] for name in ("start", "final", "original_final"))
    assert f"{100 * (end - original) / (end - start):.0f} % of the rise" in seen.sections["What was found"]
    runs = pd.read_csv(folder / "runs.csv")
    every, none = (runs["spread_final"] == 1).sum(), (runs["spread_final"] == 0).sum()
    told = f"All services use the innovation at the end in {every} of 4 runs, and none in {none}."
    assert told in seen.sections["How sure this is"]
    assert f"Not that {100 * summary.loc['uptake_final', 'mean']:.0f} %" in seen.sections["What not to conclude"]
    grades = pd.read_csv(folder / "parameters.csv")["grade"]
    assert f"{(grades == 'assumed').sum()} of {len(grades)} parameters" in seen.sections["What not to conclude"]


@pytest.mark.parametrize("command", ["levels", "compare"])
def test_the_words_of_a_comparison_are_its_numbers(reports: dict[str, Path], command: str) -> None:
    seen, by = Seen(text(reports[command])), "scenario" if command == "compare" else "alignment_level"
    table = pd.read_csv(reports[command] / "differences.csv")
    row = table[(table["outcome"] == "uptake_final") & (table[by] == table[by].max())].iloc[0]
    mean, low, high = (f"{100 * row[name]:+.0f}" for name in ("difference", "low", "high"))
    told = f"{mean} points ({low} to {high})".replace("+0", "0").replace("-0 ", "0 ")
    assert told in seen.sections["What was found"]
    assert told in seen.sections["Numbers"]


def test_the_words_of_a_batch_are_its_numbers(reports: dict[str, Path]) -> None:
    found = Seen(text(reports["batch"])).sections["What was found"]
    effects = pd.read_csv(reports["batch"] / "settings.csv")
    assert "36 runs were made; none failed." in found
    for _, part in effects.groupby("setting"):
        for value in (part["mean"].min(), part["mean"].max()):
            assert f"{100 * value:.0f} % (at" in found
    runs = pd.read_csv(reports["batch"] / "runs.csv")
    for row in effects[effects["setting"] == "slack"].itertuples():
        assert row.mean == pytest.approx(runs.loc[runs["slack"] == row.at, "uptake_final"].mean(), abs=1e-6)


def test_settings_in_words_are_drawn_beside_numbers() -> None:
    runs = pd.DataFrame(
        {"rule": ["direct", "emergent"] * 6, "slack": np.arange(12) / 12, "uptake_final": np.arange(12) / 24}
    )
    effects = figures_run.effects_of_design(runs, ["rule", "slack"])
    numbers, words = figures_run.design_figure(effects, "Settings", 12).axes  # the one that matters more comes first
    assert [each.get_text() for each in words.get_xticklabels()] == ["direct", "emergent"]
    assert numbers.lines[0].get_xdata()[-1] == pytest.approx(10.5 / 12)
    assert effects.loc[effects["at"] == "direct", "mean"].iloc[0] == pytest.approx(5 / 24)


def test_the_words_of_a_sensitivity_study_are_its_numbers(reports: dict[str, Path]) -> None:
    folder, seen = reports["sensitivity"], Seen(text(reports["sensitivity"]))
    indices = pd.read_csv(folder / "indices.csv").query("index == 'ST' and factor in ['fit_effect', 'slack']")
    first = indices.sort_values("value").iloc[-1]
    assert f"most depends on {first['factor']}" in seen.sections["What was found"]
    for paragraph in pd.read_csv(folder / "words.csv")["paragraph"]:
        assert paragraph in seen.sections["How sure this is"]


def test_the_words_of_claims_are_their_numbers(reports: dict[str, Path]) -> None:
    seen = Seen(text(reports["claims"]))
    row = pd.read_csv(reports["claims"] / "claims.csv").iloc[0]
    assert f"{row['claim']} {row['title']}: {row['verdict']}" in seen.sections["What was found"]
    assert row["statement"] in seen.sections["What was asked"]
    assert row["against"] in seen.sections["Numbers"]
    assert f"{row['runs']:,} runs in all" in seen.sections["How sure this is"]


def test_the_words_of_a_calibration_are_its_numbers(reports: dict[str, Path]) -> None:
    seen = Seen(text(reports["calibrate"]))
    found, sure = seen.sections["What was found"], seen.sections["How sure this is"]
    assert "fit_effect: between 0.123 and 0.456 with 90 % probability, 0.31 on average" in found
    assert found.count("These data hardly inform it.") == 1
    assert "3,000 simulations" in sure
    assert "not found again for slack" in sure
    assert "12 of 13 observed points" in sure
    assert "One tie was dropped." in seen.sections["Numbers"]


def test_the_words_of_rivals_are_their_numbers(reports: dict[str, Path]) -> None:
    seen = Seen(text(reports["rivals"]))
    found = seen.sections["What was found"]
    assert "By sequential ABC, “values only” comes first with a share of 70 %; “values and peers” has 20 %." in found
    assert "better than by a Bass curve by: values only." in found
    assert "in 60 to 60 %" in seen.sections["How sure this is"]


# --- figures ----------------------------------------------------------------------------------------------------------
def test_the_data_beside_a_figure_are_what_it_draws(reports: dict[str, Path]) -> None:
    folder = reports["run"]
    curves = pd.read_csv(folder / "curves.csv")
    stages = pd.read_csv(folder / "stages.csv")
    shares = stages[stages["variable"] != "in_use"].pivot(index="month", columns="variable", values="mean")
    assert shares.sum(axis=1).to_numpy() == pytest.approx(1.0, abs=1e-5)
    axes = figures_run.stages_figure(stages, "Stages", 4).axes[0]
    line = next(line for line in axes.lines if line.get_linewidth() == 1.8)
    use = curves[(curves["role"] == "service") & (curves["variable"] == "in_use")]
    assert np.asarray(line.get_ydata()) == pytest.approx(use["mean"].to_numpy(), abs=1e-5)
    weights = pd.read_csv(folder / "weights.csv")
    drawn = figures_run.weights_figure(weights, "Weights", 4).axes[0].lines
    for curve, name in zip(drawn, figures_run.EVIDENCE, strict=True):
        part = weights[weights["variable"] == name]
        assert np.asarray(curve.get_ydata()) == pytest.approx(part["median"].to_numpy())
    value = pd.read_csv(folder / "value.csv").set_index("outcome")
    figure = figures_run.value_figure(value.reset_index(), "Value")
    for axes, outcome in zip(figure.axes, figures_run.VALUES, strict=True):
        assert axes.lines[2].get_xdata()[0] == value.loc[outcome, "mean"]


def test_paired_differences_are_drawn_with_their_intervals(reports: dict[str, Path]) -> None:
    table = pd.read_csv(reports["compare"] / "paired.csv")
    assert set(table["outcome"]) <= set(headlines())
    figure = figures_run.difference_figure(table, "Differences", "scenario", 4)
    share = table[table["kind"] == "share"].set_index("outcome")
    names = [label(name).text for name in headlines() if name in share.index]
    axes = figure.axes[0]
    assert [each.get_text().replace("\n", " ") for each in axes.get_yticklabels()] == names
    marks = next(line for line in axes.lines if len(line.get_xdata()) == len(names))
    wanted = [100 * share.loc[name, "difference"] for name in headlines() if name in share.index]
    assert np.asarray(marks.get_xdata()) == pytest.approx(wanted)


def test_the_society_drawn_is_that_of_the_first_run(reports: dict[str, Path]) -> None:
    folder = reports["run"]
    people, services, run = (pd.read_csv(folder / name) for name in ("people.csv", "services.csv", "runs.csv"))
    members = people[people["service"] >= 0]
    assert members["alignment_start"].mean() == pytest.approx(run["alignment_start"][0], abs=1e-9)
    assert members["alignment_end"].mean() == pytest.approx(run["alignment_final"][0], abs=1e-9)
    assert (members["stage_end"] == "engaged").mean() == pytest.approx(run["uptake_final"][0])
    assert services["stage_end"].isin(figures_network.IN_USE).mean() == pytest.approx(run["spread_final"][0])
    assert services["people"].sum() == len(members)
    ties = pd.read_csv(folder / "ties.csv")
    figure = figures_network.society_figure(services, people, ties, "Society")
    shown = sum(
        len(each.get_offsets())
        for each in figure.axes[0].collections
        if hasattr(each, "get_sizes") and len(each.get_offsets()) > 0 and len(each.get_sizes())
    )
    assert shown == len(people)


def society(services: int, each: int) -> tuple[pd.DataFrame, pd.DataFrame]:
    rng = np.random.default_rng(3)
    table = pd.DataFrame(
        {
            "service": np.arange(services),
            "name": [f"service {n}" for n in range(services)],
            "group": np.where(np.arange(services) % 4, "hostel", "pilot"),
            "people": each,
            "stage_start": "outside",
            "stage_end": rng.choice(["outside", "sustained"], services),
            "engaged_start": 0.0,
            "engaged_end": rng.random(services),
            "alignment_start": rng.uniform(0.4, 0.9, services),
            "alignment_end": rng.uniform(0.4, 0.9, services),
        }
    )
    rows = services * each
    people = pd.DataFrame(
        {
            "service": np.repeat(np.arange(services), each),
            "role": rng.choice(["staff", "manager", "peer"], rows),
            "alignment_start": rng.random(rows),
            "alignment_end": rng.random(rows),
            "stage_start": "aware",
            "stage_end": rng.choice(["aware", "engaged"], rows),
        }
    )
    return table, people


def test_nobody_stands_on_another_and_services_stand_apart() -> None:
    table, people = society(8, 25)
    place, centres, radii = figures_network.positions(table, people)
    gaps = np.linalg.norm(place[:, None] - place[None], axis=2) + 99 * np.eye(len(place))
    assert gaps.min() > 0.6
    between = np.linalg.norm(centres[:, None] - centres[None], axis=2) + 99 * np.eye(len(centres))
    assert (between > radii[:, None] + radii[None]).all()


@pytest.mark.parametrize(
    ("services", "each", "single"),
    [(2, 30, True), (3, 30, True), (4, 30, True), (8, 25, True), (12, 30, True), (20, 12, True), (2_000, 30, False)],
)
def test_a_society_is_legible_at_every_size(services: int, each: int, single: bool) -> None:
    table, people = society(services, each)
    figure = figures_network.society_figure(table, people if single else None, None, "Society")
    figure.draw_without_rendering()
    for axes in figure.axes[:2]:
        boxes = [text.get_window_extent() for text in axes.texts]
        assert len(boxes) == (services if single else 2)
        assert not any(one.overlaps(two) for n, one in enumerate(boxes) for two in boxes[n + 1 :])
        assert all(figure.bbox.contains(*corner) for box in boxes for corner in (box.min, box.max))
    if not single:
        assert "hostel: 1,500 services" in figure.axes[1].texts[1].get_text()


def test_shades_of_alignment_keep_their_order_in_grey() -> None:
    tones = figures_network.shade()(np.linspace(0, 1, 20))[:, :3] @ [0.2126, 0.7152, 0.0722]
    assert (np.diff(tones) < 0).all()


def test_curves_in_words() -> None:
    part = pd.DataFrame({"month": [0, 1, 2], "median": [0.1, 0.6, 0.3]})
    assert figures_run.curve_in_words(part) == "from 10 % to 30 % at the end, highest 60 % in month 1"
