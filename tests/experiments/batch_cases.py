"""The scenario of the batch tests, the command line in a process, and the hashes of a folder's tables."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import valign as va
from valign.results import store

ROOT = Path(__file__).resolve().parents[2]

BASE = va.Scenario.load("two-services").replace({"months": 6})


def contents(folder: Path) -> dict[str, str]:
    tables = store.read_manifest(folder)["tables"]
    return {name: each["content"] for name, each in tables.items() if "content" in each}  # of what was computed


# --- stopped and resumed ---------------------------------------------------------------------------------------------
def command(*arguments: object) -> list[str]:
    return [sys.executable, "-m", "valign.cli.app", *map(str, arguments)]


# --- the command line ------------------------------------------------------------------------------------------------
def valign_process(folder: Path, *arguments: str) -> subprocess.CompletedProcess:
    return subprocess.run(command(*arguments), cwd=folder, env={**os.environ, "PYTHONPATH": str(ROOT)}, check=False)
