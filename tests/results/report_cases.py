"""What a report says, read as a reader would; tables of a calibration that nobody ran."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pandas as pd

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

    @property
    def found(self) -> str:
        """The headline, which stands below the title, and the other findings."""
        return self.sections[self.headings[0][1]] + self.sections["What was found"]

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
            "fit": pd.DataFrame(
                [{"fits": True, "chance": 0.42, "reach": 0.4, "shape": 0.5, "simulations": 3000, "accepted": False}]
            ),
            "fit_summaries": pd.DataFrame(
                [
                    {
                        "summary": f"share adopted by {month}",
                        "observed": 0.1 * month,
                        "low": 0.05 * month,
                        "expected": 0.09 * month,
                        "high": 0.12 * month,
                        "apart": 0.4,
                        "chance": 0.5,
                        "missed": False,
                        "direction": "too high",
                    }
                    for month in (3, 6)
                ]
            ),
            "summary": summary,
            "recovery": recovery,
            "recovered": recovered,
            "predictive": predictive,
            "generations": pd.DataFrame({"generation": [0, 1], "simulations": [1000, 2000]}),
            "remarks": remarks,
        },
        "rivals": {"shares": shares, "confusion": confusion, "scores": scores, "odds": odds, "remarks": remarks},
    }


def text(folder: Path) -> str:
    return (folder / "report.html").read_text("utf-8")
