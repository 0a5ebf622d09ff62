"""The questionnaire: written, filled in, and read back in every form that it comes in."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from tests.faults import mangled

from openpyxl import load_workbook

from valign.calibration.data.answers import Answers
from valign.calibration.data.cells import MOST_ROWS
from valign.calibration.data.questionnaire import AGREES, MATTERS, Questionnaire, plain
from valign.calibration.data.scales import scaled
from valign.calibration.data.survey import column_of, read_survey
from valign.calibration.data.workbook import CODEBOOK, PAGE, WORKBOOK, write_questionnaire
from valign.calibration.diagnose.example import EXAMPLE, MARK, example, table_of
from valign.model.errors import InputError
from valign.model.scenario.scenario import DIMENSIONS, Scenario

COLUMNS = [each.column for each in Questionnaire().items]


@pytest.fixture(scope="module")
def base() -> Answers:
    return read_survey(EXAMPLE / "before.xlsx")


@pytest.fixture(scope="module")
def typed(base: Answers) -> list[dict[str, str]]:
    return table_of(base)


def as_csv(path: Path, rows: Sequence[dict[str, str]], delimiter: str = ",", encoding: str = "utf-8") -> Path:
    with path.open("w", newline="", encoding=encoding) as file:
        writer = csv.DictWriter(file, COLUMNS, delimiter=delimiter)
        writer.writeheader()
        writer.writerows(rows)
    return path


def same(found: Answers, base: Answers) -> None:
    for name in ("own", "reads", "fits", "clear", "identify", "climate"):
        np.testing.assert_allclose(getattr(found, name), getattr(base, name), err_msg=name)
    assert (found.role.tolist(), found.use.tolist()) == (base.role.tolist(), base.use.tolist())
    assert [found.services[g] for g in found.service] == [base.services[g] for g in base.service]
    assert found.contacts == base.contacts
    assert found.given == found.used


# --- the form --------------------------------------------------------------------------------------------------------
def test_every_value_is_asked_twice_of_the_person_and_of_the_innovation() -> None:
    items = Questionnaire("Housing First").items
    for block in ("own", "reads"):
        for dimension in DIMENSIONS:
            assert {f"{block} {dimension} {n}" for n in (1, 2)} <= {each.column for each in items}
    own, reads = (
        [each.text.split("? ")[1] for each in items if each.number[0] == letter and each.scale] for letter in "AB"
    )
    assert own == reads
    assert len({each.number for each in items}) == len(items)
    assert all(each.meaning for each in items)
    assert all(each.origin for each in items if each.scale)


@pytest.mark.parametrize("item", Questionnaire().items, ids=lambda item: item.number)
def test_a_column_is_found_by_its_name_its_number_and_its_question(item) -> None:
    assert column_of(item.column) == item.column
    assert column_of(item.column.upper().replace(" ", "_")) == item.column
    assert column_of(f"{item.number}. {item.text}") == item.column


def test_workbook_page_and_codebook_are_written_and_never_over_others(tmp_path: Path) -> None:
    scenario = Scenario.load("housing-first")
    paths = write_questionnaire(scenario, "housing-first", ["hostel", "outreach"], tmp_path / "q")
    assert [path.name for path in paths] == [WORKBOOK, PAGE, CODEBOOK]
    book = load_workbook(paths[0])
    assert book.sheetnames == ["Read me", "Answers", "Services", "Innovation", "Questions"]
    assert [cell.value for cell in book["Services"]["A"]] == ["service", "hostel", "outreach"]
    page = paths[1].read_text()
    assert "Housing First stand for this" in page
    assert "validated" in page
    assert len(pd.read_csv(paths[2])) == len(COLUMNS)
    with pytest.raises(InputError, match="there already"):
        write_questionnaire(scenario, "housing-first", [], tmp_path / "q")
    with pytest.raises(InputError, match="holds no answers"):
        read_survey(paths[0])


def test_names_that_a_spreadsheet_would_execute_are_text(tmp_path: Path) -> None:
    path, page, _ = write_questionnaire(Scenario.load("housing-first"), "housing-first", ["=1+1", "<b>x</b>"], tmp_path)
    cells = [cell for sheet in load_workbook(path) for row in sheet.iter_rows() for cell in row]
    assert all(cell.data_type != "f" for cell in cells)
    assert "<b>x</b>" not in page.read_text()


# --- single answers --------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1", 0.0), ("5", 1.0), ("4.0", 0.75), ("3,5", 0.625), (" 2 ", 0.25), ("much", 0.75), ("Very  MUCH", 1.0),
        ("4 - much", 0.75), ("75 %", 0.75), ("33,3%", 0.333), ("0%", 0.0),
    ],
)  # fmt: skip
def test_answers_in_every_form(text: str, value: float) -> None:
    assert scaled(text, MATTERS) == pytest.approx(value)


@pytest.mark.parametrize("text", ["0", "6", "120 %", "agree", "👍", "2024-01-02", "inf", "4 - agree", "x"])
def test_what_is_no_answer_is_none(text: str) -> None:
    assert scaled(text, MATTERS) is None


def test_words_of_agreement_are_words_of_their_own_scale() -> None:
    assert [scaled(word, AGREES) for word in AGREES] == [0, 0.25, 0.5, 0.75, 1]
    assert np.isnan(scaled("n/a", AGREES))  # type: ignore[arg-type]
    assert plain("Lived-experience  VOICE") == "lived experience voice"


# --- files -----------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp1252", "utf-16"])
def test_csv_reads_as_the_workbook_does(base, typed, tmp_path: Path, delimiter: str, encoding: str) -> None:
    same(read_survey(as_csv(tmp_path / "s.csv", typed, delimiter, encoding), "housing-first"), base)


def test_words_and_percentages_read_as_numbers_do(base: Answers, typed, tmp_path: Path) -> None:
    def said(column: str, text: str, word: bool) -> str:
        item = Questionnaire().columns[column]
        if not item.scale or not text:
            return text
        return item.scale[int(text) - 1].upper() if word else f"{25 * (int(text) - 1)} %"

    for word in (True, False):
        rows = [{column: said(column, text, word) for column, text in row.items()} for row in typed]
        same(read_survey(as_csv(tmp_path / "s.csv", rows), "housing-first"), base)


def test_the_workbook_says_what_it_is_about_and_who_works_where(base: Answers) -> None:
    assert (base.innovation, base.scenario) == ("Housing First", "housing-first")
    assert base.people.tolist() == [18.0] * 6
    np.testing.assert_allclose(base.emphasis.sum(), 1)
    assert base.used == base.given > 3_000


def test_what_is_not_used_is_counted_and_named(typed, tmp_path: Path) -> None:
    rows = [dict(row) for row in typed]
    rows[0]["own client_agency 1"] = "7"
    rows[1]["consent"] = "no"
    rows[2]["service"] = ""
    rows[3]["contact 1"] = "Kim"
    rows.append(dict(rows[5]))
    found = read_survey(as_csv(tmp_path / "s.csv", rows), "housing-first")
    why = {each.why: each for each in found.unused}
    assert found.given == found.used + sum(each.answers for each in found.unused)
    assert "row 2 (A1)" in next(each.where for reason, each in why.items() if reason.startswith("'7'"))
    assert why["the person did not agree"].answers == sum(map(bool, rows[1].values()))
    assert why["the same person answered before; the first row counts"].where == f"row {len(rows) + 1} (as row 7)"
    assert {"no service is named", "the contact did not answer, or is written differently"} <= set(why)
    assert len(found) == len(typed) - 2


def test_a_file_that_is_none_gets_one_clear_message(typed, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="--innovation housing-first"):
        read_survey(as_csv(tmp_path / "s.csv", typed))
    with pytest.raises(InputError, match="did you mean 'housing-first'"):
        read_survey(tmp_path / "s.csv", "housing-frist")
    with pytest.raises(InputError, match="cannot be read"):
        read_survey(tmp_path / "nowhere.xlsx")
    (tmp_path / "empty.csv").write_text("")
    with pytest.raises(InputError, match="no header of the questionnaire"):
        read_survey(tmp_path / "empty.csv")
    (tmp_path / "many.csv").write_text("person,service,A1,B1\n" + "x,y,1,2\n" * (MOST_ROWS + 1))
    with pytest.raises(InputError, match="more than 20,000 rows"):
        read_survey(tmp_path / "many.csv", "housing-first")


def test_a_zip_bomb_is_refused_before_it_is_unpacked(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="unpacks to 40 MB"):
        read_survey(mangled.bomb(tmp_path / "bomb", 40_000_000))
    with pytest.raises(InputError, match="declares entities"):
        read_survey(mangled.entities(tmp_path / "entities"))


def test_spoiled_questionnaires_give_a_message_or_a_right_result() -> None:
    found = mangled.run([*range(8)])
    assert not (found["result"] == "WRONG").any(), found[found["result"] == "WRONG"].to_string()
    assert {"read", "message"} == set(found["result"])


def test_five_hundred_spoiled_questionnaires_were_read() -> None:
    found = pd.read_csv(mangled.OUT / "mangled.csv")
    assert len(found) == 500
    assert set(found["result"]) == {"read", "message"}
    read = found[found["result"] == "read"]
    assert (read["given"] == read["used"] + read["unused"]).all()
    assert found[found["result"] == "message"]["message"].str.len().gt(20).all()
    named = {name for faults in found["faults"] for name in faults.split("; ")}
    assert {*mangled.SPOILED, "a zip bomb", "entities", "a hundred thousand rows"} <= named


@pytest.mark.slow
def test_more_spoiled_questionnaires() -> None:
    found = mangled.run([*range(500, 560)])
    assert not (found["result"] == "WRONG").any(), found[found["result"] == "WRONG"].to_string()


def test_the_example_is_what_its_script_writes_and_says_that_it_is_made_up(tmp_path: Path) -> None:
    for path in example(tmp_path):
        shipped = read_survey(EXAMPLE / path.name)
        same(read_survey(path), shipped)
        assert load_workbook(EXAMPLE / path.name)["Read me"]["A1"].value == MARK
