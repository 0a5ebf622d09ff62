"""What the pages say works: Python blocks and commands run, files are valid, links and anchors lead somewhere."""

from __future__ import annotations

import re
import shlex
import shutil
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PAGES = [
    ROOT / "README.md",
    ROOT / "CONTRIBUTING.md",
    ROOT / "CHANGELOG.md",
    *sorted((ROOT / "docs").rglob("*.md")),
    *sorted((ROOT / "benchmarks").rglob("*.md")),
    *sorted((ROOT / "results/reference").rglob("*.md")),
]
BLOCK = re.compile(r"^```(\w*)[^\n]*\n(.*?)^```$", re.MULTILINE | re.DOTALL)
FILE = re.compile(r'^```\w+ title="([^"]+)"\n(.*?)^```$', re.MULTILINE | re.DOTALL)
LINK = re.compile(r"!?\[[^\]]*\]\(([^)\s]+)\)")
HEADING = re.compile(r"^#{1,6} (.+)$", re.MULTILINE)
IDS = [page.relative_to(ROOT).as_posix() for page in PAGES]


def blocks(page: Path, language: str) -> list[str]:
    return [text for kind, text in BLOCK.findall(page.read_text("utf-8")) if kind == language]


def write_files(page: Path, folder: Path) -> list[Path]:
    """Blocks with the name of a file are that file."""
    files = []
    for name, text in FILE.findall(page.read_text("utf-8")):
        files.append(folder / name)
        files[-1].parent.mkdir(parents=True, exist_ok=True)
        files[-1].write_text(text, "utf-8")
    return files


def commands(page: Path) -> list[str]:
    """Lines of shell blocks that call valign, without their comments."""
    lines = [line.partition("#")[0].strip() for text in blocks(page, "sh") for line in text.splitlines()]
    return [line for line in lines if line.startswith("valign ")]


def anchors(page: Path) -> set[str]:
    """What a code host calls the headings of a page."""
    headings = HEADING.findall(BLOCK.sub("", page.read_text("utf-8")))
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize(
    "page", [page for page in PAGES if blocks(page, "python")], ids=lambda page: page.relative_to(ROOT).as_posix()
)
def test_python_blocks_run(page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    write_files(page, tmp_path)
    names: dict[str, object] = {}
    for number, text in enumerate(blocks(page, "python")):
        exec(compile(text, f"{page.name} block {number}", "exec"), names)  # one after the other, as a reader would


@pytest.mark.parametrize("page", PAGES, ids=IDS)
def test_links_lead_somewhere(page: Path) -> None:
    wrong = []
    for link in LINK.findall(BLOCK.sub("", page.read_text("utf-8"))):
        path, _, anchor = link.partition("#")
        to = page.parent / path if path else page
        if "://" in link or (to.name == "API.md" and to.exists()):  # its anchors are made for the site, checked there
            continue
        if not to.exists() or (anchor and anchor not in anchors(to)):
            wrong.append(link)
    assert wrong == []


@pytest.mark.parametrize(
    "page",
    [page for page in PAGES if FILE.search(page.read_text("utf-8"))],
    ids=lambda page: page.relative_to(ROOT).as_posix(),
)
def test_scenarios_and_claims_on_a_page_are_valid(page: Path, tmp_path: Path, valign: Callable) -> None:
    from valign.experiments.claims.declaration import Claim

    for file in write_files(page, tmp_path):
        text = file.read_text("utf-8")
        if "[[organisations]]" in text:
            said = valign("validate", file)
            assert said.code == 0, said.err
        elif "[[tests]]" in text:
            assert Claim.load(file).tests


# Numbers with which the commands of a page take seconds, in place of its own; for some also where it gives none.
SMALLER = {"--runs": "4", "--worlds": "3", "--rivals": "1", "--n": "8", "--row": "2"}
SMALL = {
    "sensitivity": {"--n": "8", "--replicates": "1"},
    "claims": {"--seeds": "2"},
    "levels": {"--worlds": "3"},
    "compare": {"--worlds": "3"},
    "decide": {"--worlds": "40", "--mixes": "6"},
}


def smaller(line: str) -> list[str]:
    words = shlex.split(line)[1:]
    given = [SMALLER.get(before, word) for before, word in pairwise(["", *words])]
    return given + [part for option in SMALL.get(words[0], {}).items() if option[0] not in words for part in option]


@pytest.mark.slow
@pytest.mark.parametrize(
    "page",
    [page for page in PAGES if commands(page) and page.name != "CALIBRATION.md"],
    ids=lambda page: page.relative_to(ROOT).as_posix(),
)
def test_commands_of_a_page_run(page: Path, tmp_path: Path, valign: Callable) -> None:
    """One after the other, in a folder with the examples. Left out: what serves a page until it is stopped, job arrays,
    and CALIBRATION.md, whose commands have tests of their own (test_calibration_example.py)."""
    import valign as va

    shutil.copytree(ROOT / "examples", tmp_path / "examples")
    write_files(page, tmp_path)
    points = va.design.latin_hypercube(["fit_effect"], n=2)
    va.design.replicate(points, runs=3).to_parquet(tmp_path / "design.parquet")  # pages make a large one
    for line in commands(page):
        if line.split()[1] != "explore":
            said = valign(*smaller(line))
            assert said.code == 0, f"{line}\n{said.err}"
    made = [path for path in re.findall(r"`([\w-]+/[\w.-]+)`", page.read_text("utf-8")) if Path(path).parent.is_dir()]
    assert [path for path in made if not Path(path).exists()] == []  # files that the page says were made


def test_the_description_of_data_on_the_page_can_be_read(tmp_path: Path) -> None:
    from valign.calibration.data.reading import load

    text, instead = blocks(ROOT / "docs/CALIBRATION.md", "toml")
    (tmp_path / "data.toml").write_text(text, "utf-8")
    rows = [f"p{n},{'ab'[n % 2]},{n % 5 + 1 if n % 3 else 'never'},8,{n % 7 + 1}" for n in range(20)]
    (tmp_path / "people.csv").write_text("\n".join(["respondent,district,adopted_in,last_wave,q12", *rows]))
    (tmp_path / "ties.csv").write_text("ego,alter\np0,p1\np1,nobody\n")
    (tmp_path / "register.csv").write_text("quarter,services_using\n1,10\n2,14\n")
    data = load(tmp_path)
    assert data.people is not None
    assert len(data.people) == 20
    assert (len(data.series), len(data.patterns)) == (1, 1)
    columns = {"file": "people.csv", "id": "respondent", "time": "adopted_in", "observed_until": "last_wave"}
    plain = "\n".join(f'{key} = "{name}"' for key, name in columns.items())
    (tmp_path / "data.toml").write_text(f'name = "orders"\n[people]\n{plain}\n{instead}', "utf-8")
    (tmp_path / "people.csv").write_text("\n".join(["respondent,last_wave", *(f"p{n},8" for n in range(20))]))
    (tmp_path / "orders.csv").write_text("respondent,quarter\np1,3\np2,5\np1,4\n")
    people = load(tmp_path).people
    assert people is not None
    assert sorted(each for each in people["time"] if each == each and each < 9) == [3, 5]


def test_every_key_of_a_scenario_file_is_explained() -> None:
    from valign.model.scenario import scenario

    text = (ROOT / "docs/how-to/own-scenario.md").read_text("utf-8").partition("## All keys")[2]
    named = set(re.findall(r"`\[*([a-z_]+)\]*[` ]", text))
    parts = ("Scenario", "Innovation", "Group", "Commissioners", "Change", "Tables")
    assert {name for part in parts for name in getattr(scenario, part).model_fields} - named == set()


@pytest.mark.parametrize("page", PAGES, ids=IDS)
def test_commands_and_options_exist(page: Path) -> None:
    """Every `valign COMMAND --option` that a page names is one that the command line has."""
    import click
    from typer.main import get_command

    from valign.cli.app import app

    commands = {
        name: {
            option
            for part in (command, *getattr(command, "commands", {}).values())
            for each in part.params
            if isinstance(each, click.Option) or hasattr(each, "opts")
            for option in each.opts
        }
        for name, command in get_command(app).commands.items()
    }
    said = [line for text in BLOCK.findall(page.read_text("utf-8")) for line in text[1].splitlines()]
    said += re.findall(r"`(valign [^`]+)`", page.read_text("utf-8"))
    for line in said:
        line = line.partition("#")[0].strip()
        if not re.match(r"valign [a-z]", line):
            continue
        name, *rest = line.split()[1:]
        assert name in commands, line
        options = [word.partition("=")[0] for word in rest if re.match(r"--[a-z]", word)]
        assert set(options) <= commands[name] | {"--help"}, line


def test_generated_tables_are_what_the_code_says() -> None:
    from tools import generate_docs

    pages = [(ROOT / "docs" / name).read_text("utf-8") for name in generate_docs.PAGES]
    marks = [found[2] for page in pages for found in generate_docs.MARKED.finditer(page)]
    assert sorted(marks) == sorted(generate_docs.generated())
    assert pages == [generate_docs.with_tables(page) for page in pages], "run: make docs"
    assert (ROOT / "docs/CLI.md").read_text("utf-8") == generate_docs.command_line(), "run: make docs"


def test_schedule_has_every_mechanism_in_the_order_of_the_sections() -> None:
    from tools import generate_docs
    from valign.model.parameters import MECHANISMS

    rows = [line.split(" | ") for line in generate_docs.schedule().splitlines()[3:-1]]
    assert [row[2].strip("`") for row in rows] == list(MECHANISMS)
    sections = [int(row[1].removeprefix("§5.")) for row in rows]
    assert sections == sorted(sections)
    headings = re.findall(r"^### (5\.\d+) ", (ROOT / "docs/ODD.md").read_text("utf-8"), re.MULTILINE)
    assert headings == [f"5.{n}" for n in sorted(set(sections))] == [f"5.{n + 1}" for n in range(len(headings))]


@pytest.mark.parametrize("thing", ["mechanism", "scenario", "claim"])
def test_adding_something_takes_fewer_than_twenty_lines(thing: str) -> None:
    text = (ROOT / "CONTRIBUTING.md").read_text("utf-8")
    section = text.partition(f"\n## A {thing}\n")[2].partition("\n## ")[0]
    assert 3 < len(section.strip().splitlines()) < 20


def test_make_docs_mends_what_was_changed_by_hand(tmp_path: Path) -> None:
    from tools import generate_docs

    for name in generate_docs.PAGES:
        text = (ROOT / "docs" / name).read_text("utf-8")
        (tmp_path / name).write_text(generate_docs.MARKED.sub(r"\1| by hand |\n\4", text), "utf-8")
        assert "by hand" in (tmp_path / name).read_text("utf-8")
    generate_docs.write(tmp_path)
    for name in (*generate_docs.PAGES, "CLI.md"):
        assert (tmp_path / name).read_text("utf-8") == (ROOT / "docs" / name).read_text("utf-8")
