"""Kill a command again and again (SIGKILL, at random moments) and look whether anything is lost.

    python -m tests.faults.kills --kills 100 --out results/reference

A command is begun as a user would, killed, begun again, killed, …, until it ends by itself; then anew in another
folder, until there were so many kills. After each kill: every part that was finished is still there with the same
content. At each end: the tables are those of a command that nobody disturbed.
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

import pandas as pd

from tests.made_up import write
from valign.experiments.design import latin_hypercube, replicate
from valign.results import store
from valign.results.checkpoint import checksum, replace
from valign.results.plain_text import frame_as_cells

ROOT = Path(__file__).resolve().parents[2]
DRIVER = """
import os, sys
os.cpu_count = lambda: 1  # no second process that draws: it would be begun and killed each time
from valign.experiments.sensitivity import runs
runs.RUNS_AT_ONCE = 256  # so that a small study has several parts
from valign.cli.app import main
sys.exit(main(sys.argv[1:]))
"""
COMMANDS = {
    "batch": ("batch", "design.parquet", "--scenario", "two-services", "--set", "months=72", "--threads", "2"),
    "sensitivity": (
        *("sensitivity", "two-services", "--months", "36", "--n", "32", "--replicates", "8"),
        *("--parameter", "fit_effect", "--parameter", "base_staff", "--outcome", "uptake_final"),
    ),
    "calibrate": ("calibrate", "data", "--simulations", "1600"),
}
QUARTERS = ("first", "second", "third", "last")


def parts(folder: Path) -> dict[str, str]:
    """Checksum of every finished part."""
    found: dict[str, str] = {}
    for path in folder.rglob("*.kept"):
        with contextlib.suppress(FileNotFoundError):
            found[path.relative_to(folder).as_posix()] = checksum(path)
    return found


def tables(folder: Path) -> dict[str, str] | None:
    """Checksums of the tables of a finished folder; None where it is not finished."""
    for path in folder.rglob(store.MANIFEST):
        manifest = store.read_manifest(path.parent)
        if manifest["status"] == "done":
            assert not store.damaged(path.parent, manifest)
            return {name: each for name, each in manifest["files"].items() if name.endswith(".parquet")}
    return None


def kill(name: str, kills: int, seed: int = 1, points: int = 200, *, compiled: bool = False) -> pd.DataFrame:
    """Kill a command so often. Raises AssertionError when anything is lost. Returns what happened, a row a kill:
    when it was killed (share of the undisturbed time, 0-1), finished parts that were there afterwards, and whether
    the tables at the end were those of an undisturbed command. compiled : nothing has to be compiled any more."""
    chance, rows, rounds = random.Random(seed), [], 0
    with tempfile.TemporaryDirectory() as place:
        here = Path(place)
        spread = latin_hypercube(["fit_effect", "peer_effect"], points)
        replicate(spread, 10, societies=4).to_parquet(here / "design.parquet")
        write(here / "data", people=60, places=2, periods=9, fit=1.0, level=-2.2)

        def start(folder: str) -> subprocess.Popen[bytes]:
            command = [sys.executable, "-c", DRIVER, *COMMANDS[name], "--quiet", "--out", folder]
            env = {**os.environ, "PYTHONPATH": str(ROOT)}
            return subprocess.Popen(command, cwd=here, env=env, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)

        for folder in ("undisturbed",) if compiled else ("warm", "undisturbed"):  # the first may have to compile
            process = start(folder)
            wait_for_start(here / folder, process)
            begun = time.monotonic()
            _, err = process.communicate()
            assert process.returncode == 0, err.decode()
        alone, expected = time.monotonic() - begun, tables(here / "undisturbed")
        assert expected
        while len(rows) < kills:
            folder, before, first = here / f"round-{rounds}", dict[str, str](), len(rows)
            ended = False
            while not ended:
                process, moment = start(folder.name), None
                if len(rows) < kills:
                    wait_for_start(folder, process)
                    moment = chance.uniform(0, alone)
                    with contextlib.suppress(subprocess.TimeoutExpired):
                        process.wait(moment)
                    process.kill()
                _, err = process.communicate()
                assert process.returncode in (0, -9), err.decode()
                ended, now, found = process.returncode == 0, parts(folder), tables(folder)
                if found is None:
                    assert before.items() <= now.items(), "a finished part was lost"
                if process.returncode == -9 and moment is not None:
                    rows.append({"command": name, "moment": moment / alone, "parts": len(now)})
                before = now
            assert found is not None
            other = sorted(name for name in found | expected if found.get(name) != expected.get(name))
            assert not other, f"the final tables differ: {other}"
            for row in rows[first:]:
                row["identical"] = True
            rounds += 1
    return pd.DataFrame(rows).assign(rounds=rounds)


def wait_for_start(folder: Path, process: subprocess.Popen[bytes]) -> None:
    """Until the process touches the folder: most of its start is Python loading libraries."""
    touched = folder.stat().st_mtime_ns if folder.exists() else 0
    begun = time.monotonic()
    while process.poll() is None and time.monotonic() - begun < 10:
        if folder.exists() and folder.stat().st_mtime_ns != touched:
            return
        time.sleep(0.005)


def summary(found: pd.DataFrame) -> pd.DataFrame:
    """By command and quarter of the undisturbed time: kills, how many of them left finished parts to go on from, and
    after how many the final tables were the same."""
    quarter = (4 * found["moment"]).astype(int).clip(0, 3)
    counted = found.assign(moment=quarter, kills=1, resumed=found["parts"] > 0)
    table = counted.groupby(["command", "moment"], as_index=False)[["kills", "resumed", "identical"]].sum()
    return table.assign(moment=[f"{QUARTERS[each]} quarter" for each in table["moment"]])


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=100, help="of each command")
    parser.add_argument("--out", type=Path, help="folder of chaos.csv")
    given = parser.parse_args()
    began = time.monotonic()
    table = summary(pd.concat([kill(each, given.kills) for each in COMMANDS], ignore_index=True))
    print(table.to_string(index=False))
    print(json.dumps({"seconds": round(time.monotonic() - began)}))
    if given.out is not None:
        text = frame_as_cells(table).to_csv(index=False, lineterminator="\n")
        replace(given.out / "chaos.csv", text.encode())
