"""What comes from outside is harmless where it is shown: hidden characters are written out, formulas stay texts."""

from __future__ import annotations

import csv
import io
import math
import string

import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyarrow import csv as arrow_csv

from valign.results import store
from valign.results.plain_text import HIDDEN, as_cells, cell, escape, frame_as_cells, is_hidden, visible

FORMULAS = ("=1+1", "+cmd|' /C calc'!A0", "-2+3", "@SUM(A1)", "\t=1", "\n=1", "＝1", '=HYPERLINK("http://x")')


def test_hidden_characters_are_written_out():
    assert visible("a\x1b[31mb\x07\x9b\x7f") == r"a\x1b[31mb\x07\x9b\x7f"
    assert visible("\u202eexe.txt\u200b\u2028\ufeff\U000e0041") == r"\u202eexe.txt\u200b\u2028\ufeff\U000e0041"
    assert visible("one\ntwo") == "one\ntwo"
    assert visible("one\ntwo", keep="") == r"one\x0atwo"
    assert visible("Pflege für Zürich, 数, עברית") == "Pflege für Zürich, 数, עברית"
    assert escape('<b title="x">\x1b') == r"&lt;b title=&quot;x&quot;&gt;\x1b"


@given(st.text())
def test_nothing_hidden_is_left(text):
    assert not any(is_hidden(each) for each in visible(text, keep=""))
    assert len(HIDDEN) == 5


@pytest.mark.parametrize("text", FORMULAS)
def test_a_formula_in_a_cell_stays_a_text(text):
    assert cell(text) == "'" + text


def test_hidden_characters_of_a_cell_are_written_out():
    assert cell("a\r=1\x1b") == r"a\x0d=1\x1b"  # some writers leave a return unquoted: the next row of a spreadsheet
    assert cell("\r=1") == r"\x0d=1"


@pytest.mark.parametrize("text", ["", "-1", "-0.5", "+3", "-1e-9", "a=b", "hostel", "a@b.org", "'quoted"])
def test_numbers_and_plain_texts_stay_as_they_are(text):
    assert cell(text) == text


def hostile() -> pd.DataFrame:
    return pd.DataFrame(
        {
            "name": [*FORMULAS, "a\r=1", None],
            "kind": pd.Categorical([*FORMULAS, "a\r=1", None]),
            "change": [-0.25, *[1.0] * (len(FORMULAS) - 1), math.nan, -1e-9],
            "count": [-3] * (len(FORMULAS) + 2),
            "=evil": [True] * (len(FORMULAS) + 2),
        }
    )


def written(table: pd.DataFrame, tmp_path) -> dict[str, str]:
    """The table as each of our writers of CSV writes it."""
    store.write(tmp_path / "store.csv", table)
    arrow = as_cells(pa.Table.from_pandas(table, preserve_index=False))
    stream = io.BytesIO()
    with arrow_csv.CSVWriter(stream, arrow.schema) as writer:
        writer.write_table(arrow)
    return {
        "store": (tmp_path / "store.csv").read_bytes().decode(),
        "batch": stream.getvalue().decode(),
        "pandas": frame_as_cells(table).to_csv(index=False, lineterminator="\n"),
    }


def test_every_writer_of_csv_keeps_formulas_texts_and_numbers_numbers(tmp_path):
    table = hostile()
    before = table.copy(deep=True)
    for name, text in written(table, tmp_path).items():
        header, *rows = csv.reader(io.StringIO(text, newline=""))
        assert header == ["name", "kind", "change", "count", "'=evil"], name
        for row, given_ in zip(rows, [*FORMULAS, "a\r=1"], strict=False):
            assert row[0] == row[1] == cell(given_), name
        assert float(rows[0][2]) == -0.25
        assert float(rows[-1][2]) == -1e-9
        assert {row[3] for row in rows} == {"-3"}
        assert rows[-1][0] == rows[-1][1] == ""
    pd.testing.assert_frame_equal(table, before)


@given(st.lists(st.text(alphabet=string.printable + "＝＋－＠", max_size=6), min_size=1, max_size=5))
def test_the_writers_agree(texts):
    table = pd.DataFrame({"text": pd.Series(texts, dtype=object)})
    one = as_cells(pa.Table.from_pandas(table, preserve_index=False))["text"].to_pylist()
    assert one == frame_as_cells(table)["text"].tolist() == [cell(each) for each in texts]


def test_a_table_without_rows_or_with_two_columns_of_a_name_is_written():
    assert frame_as_cells(pd.DataFrame({"=a": []})).to_csv(index=False) == "'=a\n"
    twice = pd.DataFrame([["=1", -1], ["b", 2]], columns=["x", "x"])
    assert frame_as_cells(twice).to_csv(index=False) == "x,x\n'=1,-1\nb,2\n"
    assert as_cells(pa.table({"a": pa.array([], pa.string())})).num_rows == 0
