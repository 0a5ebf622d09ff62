"""Kill a batch again and again (SIGKILL, at random moments) and look whether anything is lost.

    python -m tests.faults.kills --kills 100 --runs 10000

A batch is begun as a user would, killed, begun or resumed, killed, …, until it is finished; then the next one, until
there were so many kills. After each kill: every shard that was finished is still there with the same content. At each
end: the final tables are those of a batch that nobody disturbed.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import random
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import valign as va
from valign.experiments.batch import batch as batches
from valign.experiments import design as designs
from valign.results import store
from valign.results.checkpoint import content_hash

ROOT = Path(__file__).resolve().parents[2]
REPLICATES = 10


def finished(folder: Path) -> dict[str, str]:
    """Content hash of every shard that is there as a whole."""
    if not (folder / "shards").is_dir() or not (folder / "design.parquet").exists():
        return {}
    parts = batches.opened(folder).parts
    names = [path.stem for path in sorted((folder / "shards").glob("*.kept"))]
    found = {name: parts.read(name) for name in names}
    return {name: content_hash(each) for name, each in found.items() if each is not None}


def contents(folder: Path) -> dict[str, str]:
    tables = store.read_manifest(folder)["tables"]
    return {name: each["content"] for name, each in tables.items() if "content" in each}  # of what was computed


def done(folder: Path) -> bool:
    return (folder / store.MANIFEST).exists() and store.read_manifest(folder)["status"] == "done"


def kill(kills: int, runs: int, months: int = 72, seed: int = 1) -> dict[str, int]:
    """Kill so often; raises AssertionError when anything is lost. Returns what happened."""
    chance = random.Random(seed)
    points = designs.latin_hypercube(["fit_effect", "peer_effect"], runs // REPLICATES)
    design = designs.replicate(points, REPLICATES, societies=4)
    scenario = va.Scenario.load("two-services").replace({"months": months})
    told = {"kills": 0, "batches": 0, "while shards were missing": 0, "shards found again": 0}
    with tempfile.TemporaryDirectory() as place:
        here = Path(place)
        design.to_parquet(here / "design.parquet")
        begun = time.monotonic()
        batches.run_batch(scenario, design, here / "undisturbed")
        alone = time.monotonic() - begun
        expected = contents(here / "undisturbed")
        command = [
            sys.executable,
            "-m",
            "valign.cli.app",
            "batch",
            "design.parquet",
            "--scenario",
            "two-services",
            "--set",
            f"months={months}",
            "--quiet",
            "--threads",
            "2",
            "--out",
        ]
        while told["kills"] < kills:
            folder = here / f"batch-{told['batches']}"
            before: dict[str, str] = {}
            while not done(folder):
                process = subprocess.Popen(
                    [*command, folder.name],
                    cwd=here,
                    stderr=subprocess.PIPE,
                    env={**os.environ, "PYTHONPATH": str(ROOT)},
                )
                if told["kills"] < kills:
                    wait_for_start(folder, process)
                    with contextlib.suppress(subprocess.TimeoutExpired):
                        process.wait(chance.uniform(0, alone))
                    process.kill()
                    told["kills"] += process.wait() != 0
                _, err = process.communicate()
                assert process.returncode in (0, -9), err.decode()
                now = finished(folder)
                if not done(folder):
                    told["while shards were missing"] += len(now) > 0
                    assert before.items() <= now.items(), "a finished shard was lost"
                    told["shards found again"] += len(before)
                before = now
            assert contents(folder) == expected, "the final tables differ"
            told["batches"] += 1
    return told


def wait_for_start(folder: Path, process: subprocess.Popen) -> None:
    """Until the process touches the folder: most of its start is Python loading libraries."""
    touched = folder.stat().st_mtime_ns if folder.exists() else 0
    begun = time.monotonic()
    while process.poll() is None and time.monotonic() - begun < 5:
        if folder.exists() and folder.stat().st_mtime_ns != touched:
            return
        time.sleep(0.005)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=100)
    parser.add_argument("--runs", type=int, default=10_000)
    given = parser.parse_args()
    started = time.monotonic()
    print(json.dumps(kill(given.kills, given.runs) | {"seconds": round(time.monotonic() - started)}, indent=1))
