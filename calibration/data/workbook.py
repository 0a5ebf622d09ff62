"""Writing the questionnaire: a workbook to fill in, the same on paper, and its codebook."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from valign.model.errors import InputError
from valign.model.scenario.scenario import DIMENSIONS, Scenario
from valign.results.plain_text import FORMULA, frame_as_cells

from .questionnaire import ROLE_WORDS, VALUE_WORDS, Item, Questionnaire
from .sheets import INNOVATION, SERVICE_STAGES, SERVICES
from .survey import ANSWERS

WORKBOOK, PAGE, CODEBOOK = "questionnaire.xlsx", "questionnaire.html", "codebook.csv"
ROWS = 500  # prepared for answers
ABOUT = (
    "What this is. A questionnaire on what matters to people in their work and how they see {0}. It asks the same 14 "
    "statements twice: how much each matters to you, and how much {0} stands for it.",
    "How to use it. One row for each person in the sheet “Answers”, or hand out the printed page and type the "
    "answers in. "
    "Answers are 1 to 5, their words, or percentages. What is left empty counts as not answered.",
    "Numbers for people. The same number in every wave lets us see what moved. Keep the list of names elsewhere. "
    "Nothing of a person is used without a yes under “consent”.",
    "In “Services”, write how many people work in each: without it, a report cannot say what a few answers leave open. "
    "In “Innovation”, those who brought it say what it stands for; change the shares where they see it differently.",
    "What it is not. It is not validated: nobody has yet shown that these items measure what they are meant to. "
    "Use it to "
    "start a conversation, not to judge people or to compare them by name.",
    "Then: valign diagnose {1}",
)


def has_questionnaire(scenario: Scenario) -> bool:
    """Whether the questionnaire asks about the values of a scenario: the usual seven."""
    return list(scenario.dimensions) == DIMENSIONS


def write_questionnaire(scenario: Scenario, name: str, services: Sequence[str], folder: Path) -> list[Path]:
    """Write workbook, printable page and codebook for an innovation; their paths.

    scenario : whose innovation it is about; name : how the scenario is called. services : names, perhaps none yet.

    Raises InputError where files are there already, or the folder cannot be written.
    """
    paths = [folder / each for each in (WORKBOOK, PAGE, CODEBOOK)]
    if there := [str(path) for path in paths if path.exists()]:
        raise InputError([f"{there[0]} is there already: choose another folder, nothing is overwritten"])
    if not has_questionnaire(scenario):
        raise InputError([f"{name} has values of its own; the questionnaire asks about the usual seven"])
    if twice := sorted({each for each in services if services.count(each) > 1}):
        raise InputError([f"--services: {', '.join(twice)} appears more than once"])
    form = Questionnaire(scenario.innovation.name)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        workbook(form, scenario, name, services).save(paths[0])
        paths[1].write_text(page(form, services), "utf-8")
        frame_as_cells(codebook(form)).to_csv(paths[2], index=False, lineterminator="\n")
    except OSError as error:
        raise InputError([f"{folder}: cannot be written: {error.strerror or error}"]) from None
    return paths


def workbook(form: Questionnaire, scenario: Scenario, name: str, services: Sequence[str]) -> Any:
    """The workbook, empty: sheets "Read me", "Answers", "Services", "Innovation" and "Questions"."""
    try:
        from openpyxl import Workbook
    except ImportError:
        raise InputError(["writing workbooks takes openpyxl: `pip install 'valign[survey]'`"]) from None
    from openpyxl.styles import Alignment, Font

    book: Any = Workbook()
    top = book.active
    top.title = "Read me"
    for row, text in enumerate(ABOUT, 1):
        top.cell(row, 1, _cell(text.format(form.innovation, WORKBOOK))).alignment = Alignment(
            wrap_text=True, vertical="top"
        )
    top.column_dimensions["A"].width = 100
    _answers(book.create_sheet(ANSWERS), form, services)
    sheet = book.create_sheet(SERVICES)
    _rows(
        sheet,
        [
            ("service", "people who work there", f"stage now ({', '.join(SERVICE_STAGES)})"),
            *((each, None, None) for each in services),
        ],
    )
    sheet = book.create_sheet(INNOVATION)
    innovation = scenario.innovation
    rows: list[tuple[Any, ...]] = [("innovation", form.innovation, None), ("scenario", name, None)]
    rows += [("what it stands for", "how much it stands for it", "how much it counts for its fit (sum 100 %)")]
    rows += [(VALUE_WORDS[d], innovation.values[d], innovation.emphasis[d]) for d in DIMENSIONS]
    _rows(sheet, rows)
    for row in sheet.iter_rows(min_row=4, min_col=2, max_col=3):
        for cell in row:
            cell.number_format = "0%"
    questions = book.create_sheet("Questions")
    _rows(questions, [tuple(codebook(form).columns), *codebook(form).itertuples(index=False, name=None)])
    for sheet in book.worksheets[1:]:
        for cell in sheet[1]:
            cell.font = Font(bold=True)
        for letter in "ABC" if sheet.title != ANSWERS else "":
            sheet.column_dimensions[letter].width = 34
    return book


def _rows(sheet: Any, rows: Sequence[tuple[Any, ...]]) -> None:
    for n, row in enumerate(rows, 1):
        for m, value in enumerate(row, 1):
            if value is not None:
                sheet.cell(n, m, _cell(value))


def _cell(value: Any) -> Any:
    """A value that no spreadsheet program takes for a formula."""
    return "'" + value if isinstance(value, str) and value.startswith(FORMULA) else value


def _answers(sheet: Any, form: Questionnaire, services: Sequence[str]) -> None:
    from openpyxl.styles import Alignment
    from openpyxl.utils import get_column_letter
    from openpyxl.worksheet.datavalidation import DataValidation

    for column, item in enumerate(form.items, 1):
        cell = sheet.cell(1, column, f"{item.number}. {item.text}")
        cell.alignment = Alignment(wrap_text=True, vertical="top")
        letter = get_column_letter(column)
        sheet.column_dimensions[letter].width = 26 if item.kind in ("matters", "agrees") else 18
        choices = [str(n) for n in range(1, 6)] if item.scale else list(item.choices)
        choices = list(services) if item.kind == "service" else choices
        formula = '"' + ",".join(choices) + '"'
        if choices and len(formula) < 255 and not any("," in each or '"' in each for each in choices):
            allowed: Any = DataValidation(type="list", formula1=formula, allow_blank=True, showErrorMessage=False)
            allowed.promptTitle, allowed.prompt = item.number, _prompt(item)
            allowed.showInputMessage = True
            sheet.add_data_validation(allowed)
            allowed.add(f"{letter}2:{letter}{ROWS + 1}")
    sheet.row_dimensions[1].height = 120
    sheet.freeze_panes = "C2"


def _prompt(item: Item) -> str:
    return ", ".join(f"{n} {word}" for n, word in enumerate(item.scale, 1))[:250] if item.scale else ""


def codebook(form: Questionnaire) -> Any:
    """Every item: number, column, question, answers, where it comes from, how it becomes a number (a DataFrame)."""
    import pandas as pd

    return pd.DataFrame(
        [
            {
                "number": item.number,
                "column": item.column,
                "question": item.text,
                "answers": "; ".join(f"{n} = {word}" for n, word in enumerate(item.scale, 1))
                if item.scale
                else "; ".join(item.choices),
                "where it comes from": item.origin or "needed to know who is where",
                "how it becomes a number": item.meaning,
            }
            for item in form.items
        ]
    )


def _statement(item: Item) -> str:
    """The words of an item without what is asked of all."""
    return item.text.split("? ", 1)[1]


def page(form: Questionnaire, services: Sequence[str]) -> str:
    """The questionnaire as a page to print: one file, two sheets of paper."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent), autoescape=True, undefined=StrictUndefined,
        trim_blocks=True, lstrip_blocks=True,
    )  # fmt: skip
    statements = {letter: [i for i in form.items if i.number.startswith(letter)] for letter in "ABCD"}
    return environment.get_template("questionnaire.html.j2").render(
        innovation=form.innovation, services=services, roles=list(ROLE_WORDS.values()), items=statements,
        statement=_statement,
    )  # fmt: skip
