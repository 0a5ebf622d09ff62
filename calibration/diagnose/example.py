"""Files of answers: those of people who were made up, for the example that ships and for tests."""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np

from valign.model.parameters import ROLES as MODEL_ROLES
from valign.model.scenario.scenario import Scenario
from valign.model.state.arrays import STAGES as MODEL_STAGES

from ..data.answers import Answers
from ..data.questionnaire import ROLE_WORDS, USE, Questionnaire
from ..data.survey import ANSWERS
from ..data.workbook import workbook
from .made_up import Moves, asked, later, sample, truth

MARK = "MADE UP: these people do not exist"
EXAMPLE = Path(__file__).resolve().parents[2] / "examples" / "survey"
SERVICES = ("Hostel North", "Hostel South", "Outreach", "Day centre", "Women's house", "Move-on flats")


def table_of(answers: Answers) -> list[dict[str, str]]:
    """Answers as they would be typed in: by column, steps of the scale as 1 to 5."""

    def step(x: float) -> str:
        return "" if np.isnan(x) else f"{1 + 4 * x:.4g}"

    rows = []
    for n in range(len(answers)):
        row = {"person": answers.person[n], "consent": "yes", "service": answers.services[answers.service[n]]}
        row["role"] = ROLE_WORDS[MODEL_ROLES[answers.role[n]]]
        for k, dimension in enumerate(answers.dimensions):
            for half in (0, 1):
                row[f"own {dimension} {half + 1}"] = step(answers.own[n, k, half])
                row[f"reads {dimension} {half + 1}"] = step(answers.reads[n, k, half])
        for name, count in (("fits", 2), ("clear", 2), ("identify", 2), ("climate", 3)):
            for place in range(count):
                items = getattr(answers, name)
                row[f"{name} {place + 1}"] = step(items[n, place])
        row["use"] = USE[MODEL_STAGES[answers.use[n]]][0]
        for place, other in enumerate(answers.contacts[n][:5]):
            row[f"contact {place + 1}"] = answers.person[other]
        rows.append(row)
    return rows


def save(answers: Answers, path: Path, remark: str = MARK) -> None:
    """Write answers as a filled-in workbook."""
    form = Questionnaire(answers.innovation)
    book = workbook(form, Scenario.load(answers.scenario), answers.scenario, answers.services)
    sheet = book[ANSWERS]
    for place, row in enumerate(table_of(answers), 2):
        for column, item in enumerate(form.items, 1):
            text = row.get(item.column, "")
            if text:
                number = item.scale and text.replace(".", "", 1).isdigit()
                sheet.cell(place, column, float(text) if number else text)
    for g in range(len(answers.services)):
        if np.isfinite(answers.people[g]):
            book["Services"].cell(g + 2, 2, int(answers.people[g]))
    book["Read me"].insert_rows(1)
    book["Read me"].cell(1, 1, remark)
    path.parent.mkdir(parents=True, exist_ok=True)
    book.save(path)


def example(folder: Path = EXAMPLE, seed: int = 22) -> list[Path]:
    """Two waves of a made-up survey of six services; the files."""
    rng = np.random.default_rng(seed)
    first = truth(rng, services=len(SERVICES), people=18)
    first.climate[:] = (0.62, 0.35, 0.70, 0.48, 0.55, 0.30)
    first.reads[:, 3] = np.clip(first.reads[:, 3] + 0.22, 0, 1)  # safety: read as more than is meant
    first.judged = np.clip(first.fit() + 0.05 * rng.standard_normal(len(first.own)), 0, 1)
    fresh = truth(rng, services=len(SERVICES), people=18)
    explained = np.array([0, 0, 0, -0.15, 0, 0, 0])
    second, _ = later(
        first, rng, Moves(version=explained, clearer=0.0, people=0.0, judgement=0.05, leaving=0.15), fresh
    )
    second.reads[:, 3] = np.clip(first.reads[:, 3] - 0.15, 0, 1)
    rows = sample(first, rng, 13)
    paths = []
    for name, wave in (("before", first), ("after", second)):
        answers = asked(wave, rng, rows, 0.75, 0.04)
        answers.services = list(SERVICES)
        answers.use = np.where(rng.random(len(rows)) < (0.06 if name == "before" else 0.14), 2, 1)
        for n in range(len(rows)):
            same = np.flatnonzero((answers.service == answers.service[n]) & (np.arange(len(rows)) != n))
            others = np.flatnonzero(answers.service != answers.service[n])
            named = [*rng.choice(same, 3, replace=False), *rng.choice(others, int(rng.random() < 0.3), replace=False)]
            answers.contacts[n] = [int(each) for each in named]
        paths.append(folder / f"{name}.xlsx")
        save(answers, paths[-1])
    return paths


def main() -> None:
    parser = argparse.ArgumentParser(description="Write the example survey anew.")
    parser.add_argument("--out", type=Path, default=EXAMPLE)
    for path in example(parser.parse_args().out):
        print(path)


if __name__ == "__main__":
    main()
