"""A browser at pages on disk; afterwards: no error in the console, no request for anything."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from valign.model.scenario.scenario import Scenario

WORLDS = {
    "fit_effect": np.array([0.1, 0.3, 0.6]),
    "talk": np.array([0.0, 0.1, 0.3]),
    "leadership_strength": np.array([0.3, 0.5, 0.7]),  # what a leadership programme adds to
}


def asked(folder: Path) -> Scenario:
    """The services of the questionnaire that ships, with their people's own answers."""
    from valign.calibration.data.survey import read_survey
    from valign.calibration.diagnose.diagnosis import Diagnosis

    survey = Path(__file__).parents[2] / "examples" / "survey" / "before.xlsx"
    return Scenario.load(Diagnosis(read_survey(str(survey)), runs=0).write_society(folder / "asked")).replace(
        {"months": 36}
    )


@pytest.fixture(scope="session")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Pages on disk, by name."""
    import pandas as pd

    from valign.page.build import page

    folder = tmp_path_factory.mktemp("pages")
    scenario = Scenario.load("two-services").replace({"months": 36})
    worlds = pd.DataFrame({**WORLDS, "weight": [1.0, 2.0, 1.0]})
    made = {"plain": page(scenario, societies=2), "worlds": page(scenario, societies=2, worlds=worlds)}
    other = scenario.replace({"name": "other", "title": "Elsewhere", "fit_effect": 0.1})
    made["several"] = page(scenario, societies=2, repeat="valign run two-services", others={"valign run other": other})
    made["asked"] = page(asked(folder))
    paths = {name: folder / f"{name}.html" for name in made}
    for name, text in made.items():
        paths[name].write_text(text, "utf-8")
    return paths


@pytest.fixture
def visit(browser, files):
    """Open a page from disk."""
    wrong: list[str] = []
    pages = []

    def opened(
        name: str = "plain",
        query: str = "",
        width: int = 1280,
        height: int = 900,
        text: str | None = None,
        before: str = "",
    ):
        """before : what runs in the page before all else."""
        page = browser.new_page(viewport={"width": width, "height": height})
        page.add_init_script(before)
        page.on("console", lambda message: wrong.append(message.text) if message.type == "error" else None)
        page.on("pageerror", lambda error: wrong.append(str(error)))
        path = files[name]
        if text is not None:
            path = path.with_name("changed.html")
            path.write_text(text, "utf-8")
        address = path.as_uri()
        page.on(
            "request",
            lambda request: (
                None if request.url.startswith((address, "data:", "blob:")) else wrong.append(f"asked {request.url}")
            ),
        )
        page.set_default_timeout(60_000)
        page.goto(address + query)
        pages.append(page)
        return page

    yield opened
    for page in pages:
        page.close()
    assert wrong == []
