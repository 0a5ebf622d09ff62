"""`valign survey new`, and a filled-in questionnaire in place of a scenario."""

from __future__ import annotations

import hashlib
import re
from pathlib import Path
from typing import TYPE_CHECKING

from . import terminal

if TYPE_CHECKING:
    from valign.model.scenario.scenario import Scenario

ENDINGS = (".xlsx", ".csv")
SOCIETIES = Path("runs")


def new(innovation: str, services: str, out: Path, quiet: bool, as_json: bool) -> None:
    """innovation: a shipped scenario or a TOML file. services: names with commas between them."""
    from valign.calibration.data.workbook import write_questionnaire
    from valign.model.scenario.scenario import Scenario

    names = [each.strip() for each in services.split(",") if each.strip()]
    paths = write_questionnaire(Scenario.load(innovation), innovation, names, out)
    if as_json:
        terminal.as_json({name: str(path) for name, path in zip(("workbook", "page", "codebook"), paths, strict=True)})
        return
    terminal.show(f"To fill in: {paths[0]}\nTo print: {paths[1]}\nWhat each answer means: {paths[2]}")
    terminal.say(f"Then: valign diagnose {paths[0]}", quiet)


def is_survey(name: str) -> bool:
    """Whether a name in place of a scenario is that of a questionnaire."""
    return name.lower().endswith(ENDINGS)


def as_scenario(path: str) -> Scenario:
    """The scenario of a filled-in questionnaire."""
    from valign.model.scenario.scenario import Scenario

    return Scenario.load(scenario_file(path))


def scenario_file(path: str) -> Path:
    """The scenario of a filled-in questionnaire, written into runs/NAME-society-HASH with its tables."""
    from valign.calibration.diagnose.diagnosis import Diagnosis
    from valign.calibration.data.survey import read_survey

    found = Diagnosis(read_survey(path), runs=0)
    digest = hashlib.blake2b(Path(path).read_bytes(), digest_size=5).hexdigest()
    name = re.sub(r"[^A-Za-z0-9_-]+", "-", Path(path).stem).strip("-") or "survey"
    return found.write_society(SOCIETIES / f"{name}-society-{digest}")
