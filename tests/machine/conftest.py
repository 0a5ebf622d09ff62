"""A running `valign explore`, with what it was started with."""

from __future__ import annotations
import pytest
import serving


@pytest.fixture(scope="module")
def served(tmp_path_factory):
    pytest.importorskip("uvicorn")
    with serving.machine(tmp_path_factory.mktemp("machine")) as running:
        yield running
    said = running.log.read_text("utf-8")
    assert said.count("\n") == 1, said  # where it is, and nothing else: no traceback, nothing that a command prints
