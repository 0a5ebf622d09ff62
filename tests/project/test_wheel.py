"""The wheel in a clean environment: its declared dependencies suffice, the commands run, nothing needs the checkout."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow


def run(*command: object, cwd: Path, env: dict[str, str], seconds: int = 120) -> str:
    done = subprocess.run(
        [str(part) for part in command], cwd=cwd, env=env, text=True, capture_output=True, timeout=seconds, check=False
    )
    assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
    return done.stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    pytest.importorskip("hatchling")
    from hatchling.builders.wheel import WheelBuilder

    root = Path(__file__).resolve().parents[2]
    folder = tmp_path_factory.mktemp("wheel")
    return Path(next(WheelBuilder(str(root)).build(directory=str(folder), versions=["standard"])))


def test_a_wheel_installs_and_runs_where_there_is_nothing_else(wheel: Path, root: Path, tmp_path: Path) -> None:
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "VALIGN", "COVERAGE"))}
    env = {**kept, "VALIGN_CACHE": str(tmp_path / "cache"), "MPLBACKEND": "Agg"}
    home, place = tmp_path / "environment", tmp_path / "elsewhere"
    place.mkdir()
    run(sys.executable, "-m", "venv", home, cwd=place, env=env)
    programs = home / ("Scripts" if os.name == "nt" else "bin")

    def call(program: str, *arguments: object, seconds: int = 120) -> str:
        return run(programs / program, *arguments, cwd=place, env=env, seconds=seconds)

    constraints = root / "constraints.txt"
    call("python", "-m", "pip", "install", "--quiet", "-c", constraints, wheel, seconds=400)
    call("python", "-m", "pip", "check")
    where = call("python", "-c", "import valign; print(valign.__file__, valign.__version__)")
    assert Path(where.split()[0]).is_relative_to(home)
    assert "two-services" in call("valign", "scenarios")
    call("valign", "run", "two-services", "--runs", 2, "--seed", 1, "--out", "out", seconds=400)
    look = "import sys, pandas; table = pandas.read_parquet(sys.argv[1]); print(len(table), set(table['status']))"
    assert not list((tmp_path / "cache").rglob("*.nbi")), "a first run compiled something"
    found = call("python", "-c", look, next((place / "out").rglob("runs.parquet")))
    assert found.split() == ["2", "{'ok'}"]
