"""Nothing of ours listens: threads, processes and the connection to a cluster open no port of this machine."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

NOTE = """
import os, sys
def note(event, arguments):
    if event == "socket.bind" and isinstance(arguments[1], tuple):
        with open(os.environ["NOTED"], "a") as file:
            print(arguments[1], file=file)
sys.addaudithook(note)
"""


def bound(root: Path, folder: Path, *command: str) -> list[str]:
    """Addresses that a command, or a process that it starts, has bound a socket to."""
    (folder / "sitecustomize.py").write_text(NOTE, "utf-8")
    noted = folder / "noted"
    noted.write_text("", "utf-8")
    env = os.environ | {"PYTHONPATH": f"{folder}{os.pathsep}{root}", "NOTED": str(noted)}
    subprocess.run([sys.executable, *command], cwd=folder, env=env, check=True, capture_output=True, timeout=900)
    return noted.read_text("utf-8").splitlines()


def test_a_batch_in_processes_opens_no_port(root, tmp_path):
    opened = "import socket; socket.socket().bind(('127.0.0.1', 0))"
    assert bound(root, tmp_path, "-c", opened) == ["('127.0.0.1', 0)"]  # what is noted
    inside = f"import concurrent.futures as c; c.ProcessPoolExecutor(1).submit(exec, {opened!r}).result()"
    assert bound(root, tmp_path, "-c", inside) == ["('127.0.0.1', 0)"]
    (tmp_path / "design.csv").write_text("seed\n1\n2\n", "utf-8")
    batch = ("-m", "valign.cli.app", "batch", "design.csv", "--scenario", "two-services", "--out", "out")
    assert bound(root, tmp_path, *batch, "--set", "months=2", "--workers", "2") == []
    assert (tmp_path / "out" / "runs.parquet").exists()
