"""Settings of all tests. Compiled code is kept in .cache of the checkout, once for a version of the sources."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

ROOT = Path(__file__).resolve().parents[1]
os.environ.setdefault("VALIGN_CACHE", str(ROOT / ".cache"))  # before anything of valign.model is imported
os.environ.setdefault("MPLBACKEND", "Agg")
os.environ.pop("DISPLAY", None)  # tests open no pictures

calm = {"deadline": None, "suppress_health_check": [HealthCheck.too_slow, HealthCheck.data_too_large]}
settings.register_profile("here", **calm)
settings.register_profile("ci", derandomize=True, print_blob=True, **calm)
settings.load_profile("ci" if os.environ.get("CI") else "here")


@dataclass(frozen=True)
class Said:
    """What a command printed, and its exit code."""

    code: int
    out: str
    err: str


@pytest.fixture
def root() -> Path:
    return ROOT


@pytest.fixture
def published() -> Path:
    """The published file of Medical Innovation: named by VALIGN_MEDICAL_INNOVATION, or beside the project."""
    named = os.environ.get("VALIGN_MEDICAL_INNOVATION")
    path = Path(named) if named else ROOT.parent / "shared" / "data" / "medical_innovation"
    path = path / "medInnovations.rdata" if path.is_dir() else path
    if not path.is_file():
        pytest.skip("medInnovations.rdata is not here: name it in VALIGN_MEDICAL_INNOVATION")
    return path


@pytest.fixture
def valign(capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Said]:
    """The command line, in this process and in an empty folder."""
    from valign.cli.app import main

    monkeypatch.chdir(tmp_path)

    def call(*arguments: object) -> Said:
        capsys.readouterr()
        code = main([str(each) for each in arguments])
        said = capsys.readouterr()
        return Said(code, said.out, said.err)

    return call
