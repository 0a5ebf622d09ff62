"""A mechanism is one folder and one line: the one of docs/how-to/add-a-mechanism.md, in a copy of the model."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs" / "how-to" / "add-a-mechanism.md"
FILE = re.compile(r'^```py title="([^"]+)"\n(.*?)^```$', re.MULTILINE | re.DOTALL)
TRIED = """
import json
import valign as va

base = va.Scenario.load("two-services").replace({"months": 6, "initial_awareness": 0.5})
more = base.replace({"refresher_rate": 0.05})
off = more.replace({"mechanisms.refreshers": False})

def clarity(scenario):
    return va.simulate(scenario, runs=2, seed=3, societies=1, record="series").curves("all", "clarity")[-1].tolist()

world = va.World(preset=more, rng=va.simulate(more, runs=1, seed=3).runs["seed"].iloc[0])
for _ in range(6):
    world.step()
own = va.simulate(more, runs=1, seed=3, record="decomposition")
booked = own.decomposition
booked = booked[booked["mechanism"] == "refreshers"]
print(json.dumps({
    "listed": "refresher_rate" in set(va.parameters()["name"]),
    "without": clarity(base), "with": clarity(more), "off": clarity(off),
    "parts": sorted(set(booked["part"])), "change": float(booked["change"].abs().sum()),
    "world": world.outcomes["alignment_final"], "ensemble": float(own.runs["alignment_final"].iloc[0]),
}))
"""


@pytest.fixture(scope="module")
def tried(tmp_path_factory: pytest.TempPathFactory) -> dict[str, object]:
    """What the copy with the new mechanism says (uncompiled: six months of two services)."""
    copy = tmp_path_factory.mktemp("checkout")
    for folder in ("model", "experiments", "calibration", "results", "valign"):
        shutil.copytree(
            ROOT / folder, copy / folder, symlinks=True, ignore=shutil.ignore_patterns("__pycache__", "reference")
        )
    for name, text in FILE.findall(PAGE.read_text("utf-8")):
        (copy / name).parent.mkdir(exist_ok=True)
        (copy / name).write_text(text, "utf-8")
    (copy / "model/mechanisms/refreshers/__init__.py").touch()
    month = copy / "model/mechanisms/__init__.py"
    month.write_text(
        month.read_text("utf-8").replace('    "tie_quality",\n', '    "tie_quality",\n    "refreshers",\n')
    )
    said = subprocess.run(
        [sys.executable, "-c", TRIED],
        cwd=copy,
        env={**os.environ, "PYTHONPATH": str(copy), "NUMBA_DISABLE_JIT": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert said.returncode == 0, said.stderr[-2000:]
    return json.loads(said.stdout)


def test_its_parameter_is_listed_and_acts(tried: dict) -> None:
    assert tried["listed"]
    assert all(after > before + 0.01 for before, after in zip(tried["without"], tried["with"], strict=True))


def test_off_means_off(tried: dict) -> None:
    assert tried["off"] == tried["without"]


def test_what_it_moves_is_booked(tried: dict) -> None:
    assert tried["parts"] == ["clarity"]
    assert tried["change"] > 0


def test_it_runs_in_a_world_and_in_ensembles_alike(tried: dict) -> None:
    assert tried["world"] == tried["ensemble"]
