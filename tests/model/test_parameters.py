"""The declarations are consistent, and docs/PARAMETERS.md is what they say."""

from __future__ import annotations

import csv
import io
import json
import math
from pathlib import Path

import pytest

from valign.cli.parameters import SCOPES, as_csv, as_json, as_markdown, parameters
from valign.model.constants import EVIDENCE_WEIGHTS
from valign.model.parameters import INDEX, PARAMETERS, RUN_PARAMETERS, Parameter


@pytest.mark.parametrize("parameter", PARAMETERS.values(), ids=lambda p: p.name)
def test_declaration(parameter: Parameter) -> None:
    p = parameter
    assert p.minimum <= p.low <= p.high <= p.maximum
    assert p.low <= p.default <= p.high
    assert p.low < p.high, "a range without width cannot be explored"
    assert p.grade in ("measured", "inferred", "assumed")
    assert p.scope in SCOPES
    assert all((p.unit, p.meaning, p.source, p.mechanism))
    if p.integer:
        assert all(float(x).is_integer() for x in (p.default, p.low, p.high))


def test_index_is_the_order_of_the_run_parameters() -> None:
    assert [p.name for p in RUN_PARAMETERS] == sorted(INDEX, key=INDEX.__getitem__)
    assert not any(p.scope == "society" for p in RUN_PARAMETERS)


def test_weights_of_evidence_sum_to_one() -> None:
    weights = [p.default for name, p in PARAMETERS.items() if name.startswith("evidence_weights.commissioner.")]
    assert len(weights) == 3
    for each in (weights, *EVIDENCE_WEIGHTS):
        assert math.isclose(sum(each), 1.0)


def test_the_page_is_up_to_date(root: Path) -> None:
    page = (root / "docs" / "PARAMETERS.md").read_text(encoding="utf-8")
    assert page == as_markdown(PARAMETERS.values()), "run: valign parameters --format md > docs/PARAMETERS.md"


def test_table() -> None:
    table = parameters()
    assert list(table["name"]) == list(PARAMETERS)
    promised = ["name", "default", "low", "high", "distribution", "unit", "meaning", "source", "grade"]
    assert list(table.columns[:9]) == promised
    assert table.notna().all().all()


def test_csv_and_json_hold_the_same() -> None:
    from_csv = list(csv.DictReader(io.StringIO(as_csv(PARAMETERS.values()))))
    from_json = json.loads(as_json(PARAMETERS.values()))
    assert [row["name"] for row in from_csv] == [row["name"] for row in from_json] == list(PARAMETERS)
    assert [float(row["default"]) for row in from_csv] == [row["default"] for row in from_json]
