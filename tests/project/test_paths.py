"""Tests that are named elsewhere are there: in the tables of mutation testing, in the Makefile and in the texts."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.mutation.noticing import TESTS

NAMED = re.compile(r"\btests/[\w*./-]*[\w*/]")


@pytest.mark.parametrize("module", TESTS)
def test_a_module_to_be_mutated_and_the_tests_that_are_to_notice(module: str, root: Path) -> None:
    assert (root / f"{module}.py").is_file()
    for named in TESTS[module]:
        if named != "agree":
            path, _, test = named.partition("::")
            assert f"def {test}" in (root / path).read_text("utf-8")


@pytest.mark.parametrize("text", ["Makefile", "README.md", "CONTRIBUTING.md", "docs/TRACE.md", "docs/ODD.md"])
def test_what_a_text_names_under_tests_is_there(text: str, root: Path) -> None:
    named = set(NAMED.findall((root / text).read_text("utf-8")))
    assert named
    assert [each for each in named if not any(root.glob(each))] == []
