"""Reports: one file, everything in order, words and figures that agree with the tables."""

from __future__ import annotations

import re
from itertools import pairwise
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from report_cases import COMMANDS, SMALL, Seen, text

from valign.cli.app import main
from valign.results.figures.network import IN_USE, society_figure
from valign.results.figures.run import (
    EVIDENCE,
    VALUES,
    design_figure,
    difference_figure,
    effects_of_design,
    stages_figure,
    value_figure,
    weights_figure,
)
from valign.results.vocabulary import headlines, label, setting_label


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
    said = [words for level, words in seen.headings if level == 2 and words in wanted]
    assert said == [words for words in wanted if words != "What was simulated" or words in said]  # or said at the top
    for section in wanted[:4]:
        assert len((seen.found if section == "What was found" else seen.sections[section]).split()) > 10, section
    assert seen.sections.get("What was simulated", "said at the top").strip()
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
    assert "In this one run" in seen.found
    assert "a single run" in seen.sections["How sure this is"]
    assert (
        main(
            [
                "compare",
                "--at-defaults",
                "low-fit",
                "two-services",
                "--runs",
                "1",
                *SMALL,
                "--out",
                str(tmp_path / "compare"),
            ]
        )
        == 0
    )
    assert "Too few runs to say how sure" in Seen(text(tmp_path / "compare")).found
    assert (
        main(
            [
                "levels",
                "--at-defaults",
                "two-services",
                "--levels",
                "0.7",
                "--runs",
                "2",
                *SMALL,
                "--out",
                str(tmp_path / "1"),
            ]
        )
        == 0
    )
    design = pd.DataFrame({"relationship_rule": ["hard", "bounded"] * 2, "seed": [1, 1, 2, 2], "months": 3})
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
    assert re.search(r"Over relationship rule, .* stays at \d+ %\.", Seen(text(tmp_path / "batch")).found)


def test_text_stands_out_from_the_page(root: Path) -> None:
    template = (root / "results" / "reports" / "report.html.j2").read_text("utf-8")
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
        assert told in seen.found, outcome
        assert told in seen.sections["Numbers"], outcome
    start, end, original = (
        summary.loc[name, "mean"] for name in ("alignment_start", "fit_final", "fit_original_final")
    )
    assert f"{100 * (end - original) / (end - start):.0f} % of the rise" in seen.found
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
    assert told in seen.found
    assert told in seen.sections["Numbers"]


def test_the_words_of_a_batch_are_its_numbers(reports: dict[str, Path]) -> None:
    found = Seen(text(reports["batch"])).found
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
    effects = effects_of_design(runs, ["rule", "slack"])
    numbers, words = design_figure(effects, "Settings", 12).axes  # the one that matters more comes first
    assert [each.get_text() for each in words.get_xticklabels()] == ["direct", "emergent"]
    assert numbers.lines[0].get_xdata()[-1] == pytest.approx(10.5 / 12)
    assert effects.loc[effects["at"] == "direct", "mean"].iloc[0] == pytest.approx(5 / 24)


def test_the_words_of_a_sensitivity_study_are_its_numbers(reports: dict[str, Path]) -> None:
    folder, seen = reports["sensitivity"], Seen(text(reports["sensitivity"]))
    indices = pd.read_csv(folder / "indices.csv").query("index == 'ST' and factor in ['fit_effect', 'slack']")
    first = indices.sort_values("value").iloc[-1]
    assert f"What matters most for people engaged, at the end: {setting_label(first['factor'])}" in seen.found
    for paragraph in pd.read_csv(folder / "words.csv")["paragraph"]:
        assert paragraph in seen.sections["How sure this is"]


def test_the_words_of_claims_are_their_numbers(reports: dict[str, Path]) -> None:
    seen = Seen(text(reports["claims"]))
    row = pd.read_csv(reports["claims"] / "claims.csv").iloc[0]
    assert f"{row['claim']} {row['title']}: {row['verdict']}" in seen.found
    assert row["statement"] in seen.sections["What was asked"]
    assert row["against"] in seen.sections["Numbers"]
    assert f"{row['runs']:,} runs in all" in seen.sections["How sure this is"]


def test_the_words_of_a_calibration_are_its_numbers(reports: dict[str, Path]) -> None:
    seen = Seen(text(reports["calibrate"]))
    found, sure = seen.found, seen.sections["How sure this is"]
    assert "Effect of alignment on engagement: between 0.123 and 0.456 with 90 % probability, 0.31 on average" in found
    assert found.count("These data hardly inform it.") == 1
    assert "3,000 simulations" in sure
    assert "Not recovered: slack of services." in sure
    assert "12 of 13 observed points" in sure
    assert "One tie was dropped." in seen.sections["Numbers"]


def test_the_words_of_rivals_are_their_numbers(reports: dict[str, Path]) -> None:
    seen = Seen(text(reports["rivals"]))
    found = seen.found
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
    axes = stages_figure(stages, "Stages", 4).axes[0]
    line = next(line for line in axes.lines if line.get_linewidth() == 1.8)
    use = curves[(curves["role"] == "service") & (curves["variable"] == "in_use")]
    assert np.asarray(line.get_ydata()) == pytest.approx(use["mean"].to_numpy(), abs=1e-5)
    weights = pd.read_csv(folder / "weights.csv")
    drawn = weights_figure(weights, "Weights", 4).axes[0].lines
    for curve, name in zip(drawn, EVIDENCE, strict=True):
        part = weights[weights["variable"] == name]
        assert np.asarray(curve.get_ydata()) == pytest.approx(part["median"].to_numpy())
    value = pd.read_csv(folder / "value.csv").set_index("outcome")
    figure = value_figure(value.reset_index(), "Value")
    for axes, outcome in zip(figure.axes, VALUES, strict=True):
        assert axes.lines[2].get_xdata()[0] == value.loc[outcome, "mean"]


def test_paired_differences_are_drawn_with_their_intervals(reports: dict[str, Path]) -> None:
    table = pd.read_csv(reports["compare"] / "paired.csv")
    assert set(table["outcome"]) <= set(headlines())
    figure = difference_figure(table, "Differences", "scenario", 4)
    share = table[table["kind"] == "share"].set_index("outcome")
    names = [label(name).text for name in headlines() if name in share.index]
    axes = figure.axes[0]
    assert [each.get_text().replace("\n", " ") for each in axes.get_yticklabels()] == names
    marks = next(line for line in axes.lines if len(line.get_xdata()) == len(names))
    wanted = [100 * share.loc[name, "difference"] for name in headlines() if name in share.index]
    assert np.asarray(marks.get_xdata()) == pytest.approx(wanted)


def test_the_society_drawn_is_that_of_the_first_run(reports: dict[str, Path]) -> None:
    folder = reports["run"]
    people, services, run = (pd.read_csv(folder / name) for name in ("people.csv", "snapshot.csv", "runs.csv"))
    members = people[people["service"] >= 0]
    assert members["alignment_start"].mean() == pytest.approx(run["alignment_start"][0], abs=1e-9)
    assert members["alignment_end"].mean() == pytest.approx(run["alignment_final"][0], abs=1e-9)
    assert (members["stage_end"] == "engaged").mean() == pytest.approx(run["uptake_final"][0])
    assert services["stage_end"].isin(IN_USE).mean() == pytest.approx(run["spread_final"][0])
    assert services["people"].sum() == len(members)
    ties = pd.read_csv(folder / "ties.csv")
    figure = society_figure(services, people, ties, "Society")
    shown = sum(
        len(each.get_offsets())
        for each in figure.axes[0].collections
        if hasattr(each, "get_sizes") and len(each.get_offsets()) > 0 and len(each.get_sizes())
    )
    assert shown == len(people)
