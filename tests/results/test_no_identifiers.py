"""Sentences, figures and tables that people read name nothing as the code does."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from pathlib import Path

import pytest
from report_cases import COMMANDS, text

from valign.model.parameters import PARAMETERS

IDENTIFIER = re.compile(r"\b[a-z][a-z0-9]*(?:[_.][a-z0-9]+)+\b")
FILES = re.compile(r"\b[\w-]+\.(?:json|toml|csv|png|svg|md|parquet|html|xlsx)\b")  # a file is called what it is called
LONGEST = 46  # letters of a label, so that it has room beside an axis


class Shown(HTMLParser):
    """What is read in a report, in figures too: neither code nor what is folded away or a file's content."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.parts: list[str] = []
        self._hidden = 0
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._hidden += tag in ("code", "pre", "style", "details")
        self.parts += [value for name, value in attrs if name == "aria-label" and value and not self._hidden]

    def handle_endtag(self, tag: str) -> None:
        self._hidden -= tag in ("code", "pre", "style", "details")

    def handle_data(self, data: str) -> None:
        if not self._hidden:
            self.parts.append(data)

    def handle_comment(self, data: str) -> None:
        """Letters of a figure are drawn as shapes; matplotlib keeps the words in a comment before each."""
        if not self._hidden:
            self.parts.append(data)


@pytest.mark.parametrize("command", COMMANDS)
def test_a_report_names_nothing_as_the_code_does(reports: dict[str, Path], command: str) -> None:
    shown = FILES.sub("", " ".join(Shown(text(reports[command])).parts))
    assert set(IDENTIFIER.findall(shown)) == set()
    assert not [name for name in PARAMETERS if "_" in name and name in shown]


def test_parameters_have_labels_that_stand_alone() -> None:
    labels = [p.label for p in PARAMETERS.values()]
    assert len(set(labels)) == len(labels)
    assert not [each for each in labels if len(each) > LONGEST or "_" in each]
