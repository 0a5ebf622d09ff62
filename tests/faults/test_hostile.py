"""Hostile scenarios, surveys, codebooks, designs, claims and data: one clear message, exit code 2, nothing else."""

from __future__ import annotations

import csv
import gzip
import io
import json
import re
import zipfile
from html.parser import HTMLParser
from pathlib import Path
from xml.dom import minidom

import pytest

from valign.model.scenario.scenario import SHIPPED, Scenario
from valign.results.manifest import put_manifest
from valign.results.plain_text import FORMULA, is_hidden

TEXT = (SHIPPED / "two-services.toml").read_text("utf-8")
LISTS, TABLES = "x = " + "[" * 1000 + "]" * 1000, "[people." + ".".join("a" * 1000) + "]\nx = 1"
ESCAPE, OVERRIDE = "\x1b[2J\x1b]0;x\x07", "\u202egnp\u200b"
STEERING = r"\u001b[2J\u001b]0;x\u0007\u202egnp\u200b\nvalign: all is well"  # as TOML writes it


def refused(said, *words: str) -> None:
    """A short message with these words that steers no terminal, and the code of wrong input."""
    assert said.code == 2, said.err
    assert said.out == ""
    assert said.err.startswith("valign: ")
    assert "Traceback" not in said.err
    assert len(said.err.splitlines()) <= 12
    assert len(said.err) < 5_000
    assert all(each == "\n" or not is_hidden(each) for each in said.err), ascii(said.err)
    for word in words:
        assert word in said.err, said.err


def society(folder: Path, nodes: object = "id,organisation\na,hostel\nb,hostel\n", codebook: str = "", names: str = ""):
    """mine.toml with a survey beside it."""
    content = nodes if isinstance(nodes, bytes) else str(nodes).encode()
    (folder / "n.csv").write_bytes(content)
    (folder / "e.csv").write_text("from,to\na,b\n", "utf-8")
    (folder / "c.toml").write_text(codebook, "utf-8")
    names = names or 'nodes = "n.csv"\nedges = "e.csv"\ncodebook = "c.toml"'
    (folder / "mine.toml").write_text(f"{TEXT}\n[tables]\n{names}\n", "utf-8")


def test_a_scenario(valign, tmp_path):
    for content, word in (
        (LISTS, "nested more than 50 levels"),
        (f"{TEXT}\n[parameters.{'.'.join('a' * 1000)}]\nx = 1", "nested more than 50 levels"),
        (TEXT.replace("months = 72", "months = " + "9" * 5_000), "thousands of digits"),
        (TEXT.replace("months = 72", "months = " + "9" * 4_000), "months"),
        (TEXT.replace("months = 72", "months = 1e999"), "months = inf"),
        (f'{TEXT}\n"{"a" * 400_000}" = 1', "letters left out"),
        (f'{TEXT}\n"a{STEERING}" = 1', r"\x1b[2J"),
        (TEXT.replace('name = "two-services"', f'name = "a{STEERING}"'), r"\x1b"),
        (TEXT.replace('name = "two-services"', 'name = "../../../x"'), "name"),
        (TEXT.replace('name = "two-services"', f'name = "{"x" * 400_000}"'), "at most 100"),
        (re.sub(r'(?m)^title = .*$', f'title = "{"x" * 400_000}"', TEXT, count=1), "at most 1000"),
    ):  # fmt: skip
        Path("mine.toml").write_text(content, "utf-8")
        refused(valign("validate", "mine.toml"), "mine.toml", word)
    refused(valign("validate", f"{ESCAPE}.toml"), r"\x1b[2J\x1b]0;x\x07.toml: cannot be read")
    refused(valign("run", "two-services", "--set", "slack=" + "[" * 3000 + "]" * 3000), "slack")
    refused(valign("run", "two-services", "--set", "slack=" + "9" * 5000), "slack")
    refused(valign("report", ESCAPE), r"\x1b[2J", "holds no results")


def test_a_survey_and_its_codebook(valign, tmp_path):
    wide = ",".join(f"c{n}" for n in range(10**6))
    for nodes, codebook, word in (
        (f"id,organisation,{wide}\n", "", "1,000,002 columns"),
        (gzip.compress(b"id,organisation\n" * 1000), "", "is not UTF-8 text"),
        ("id,organisation\na,hostel\n", LISTS, "c.toml: is nested more than 50 levels"),
        ("id,organisation\na,hostel\n", f"[values.client_agency.{'.'.join('a' * 1000)}]\nx = 1", "nested more than"),
        ("id,organisation\na,hostel\n", "[values.client_agency]\nlow = " + "9" * 5000, "thousands of digits"),
        (f"id,organisation,role\na,hostel,x{ESCAPE}\n", "", "role"),
        (f"id,organisation\na,x{ESCAPE}{OVERRIDE}\n", "", "is not a service"),
        ("id,organisation\n" + "a" * 10_000_000 + ",hostel\n", "", ""),
    ):
        society(tmp_path, nodes, codebook)
        refused(valign("validate", "mine.toml"), word)
    for names, word in (
        (r'nodes = "a\u0000b"' + '\nedges = "e.csv"', r"a\x00b"),
        (f'nodes = "a{STEERING}"\nedges = "e.csv"', r"\x1b[2J"),
        (r'codebook = "\u0000"' + '\nnodes = "n.csv"\nedges = "e.csv"', r"\x00: cannot be read"),
        ('nodes = "../../nothing/here"\nedges = "e.csv"', "No such file"),
        ('nodes = "/dev/zero"\nedges = "e.csv"', "is longer than 1,000 MB"),
    ):
        society(tmp_path, names=names)
        refused(valign("validate", "mine.toml"), word)


def test_a_design(valign, tmp_path):
    with zipfile.ZipFile("bomb.zip", "w", zipfile.ZIP_DEFLATED) as archive, archive.open("x", "w") as inside:
        for _ in range(100):
            inside.write(b"1\n" * 500_000)
    for content, word in (
        (",".join(f"c{n}" for n in range(10**6)).encode() + b"\n", "1,000,000 columns"),
        (b"seed,\x1b[2J\n1,2\n", "is not a key"),
        (b"seed," + b"a" * 100_000 + b"\n1,2\n", "letters left out"),
        (b"seed,slack\n1," + b"9" * 5000 + b"\n", "slack"),
        (b"seed\n" + b"9" * 5000 + b"\n", "seed"),
        (b"seed,slack\n1,=cmd|'/c calc'!A1\n", "a finite number"),
        (b"seed,slack\n1,0.1\0\n", "slack"),
        (Path("bomb.zip").read_bytes(), "is not UTF-8 text"),
        (gzip.compress(b"seed\n" + b"1\n" * 1_000_000), "is not UTF-8 text"),
    ):
        Path("design.csv").write_bytes(content)
        refused(valign("batch", "design.csv", "--scenario", "two-services", "--out", "out"), word)
        assert not Path("out").exists()
    with Path("design.csv").open("wb") as file:
        file.truncate(10**12)
    refused(valign("batch", "design.csv", "--scenario", "two-services", "--out", "out"), "is longer than 1,000 MB")


def test_a_design_that_unpacks_to_more_than_there_is_room_for(valign, tmp_path):
    import pyarrow as pa
    from pyarrow import parquet

    run = pa.table({"seed": pa.array([1] * 1_000_000), "slack": pa.array([0.5] * 1_000_000)})
    with parquet.ParquetWriter("bomb.parquet", run.schema, compression="zstd") as writer:
        for _ in range(101):
            writer.write_table(run)
    assert Path("bomb.parquet").stat().st_size < 1_000_000
    said = valign("batch", "bomb.parquet", "--scenario", "two-services", "--out", "out")
    refused(said, "has 101,000,000 rows of 2 columns, more than can be read")


def test_a_claim_and_a_folder_of_data(valign, tmp_path):
    for content in (LISTS, TABLES):
        Path("claim.toml").write_text(content, "utf-8")
        refused(valign("claims", "claim.toml"), "claim.toml: is nested more than 50 levels")
        Path("data.toml").write_text(content, "utf-8")
        refused(valign("calibrate", "."), "data.toml: is nested more than 50 levels")
    Path("claim.toml").write_text(f'id = "a{STEERING}"\n"{STEERING}" = 1', "utf-8")
    refused(valign("claims", "claim.toml"), r"\x1b")
    for file, word in ((r"a\u0000", r"a\x00: cannot be read"), ("../../nothing", "No such file"), (STEERING, r"\x1b")):
        people = f'file = "{file}"\nid = "id"\ntime = "t"\nobserved_until = 12'
        Path("data.toml").write_text(f"[people]\n{people}\n", "utf-8")
        refused(valign("calibrate", "."), word)


def test_a_folder_of_results(valign, tmp_path):
    for content in ("[" * 100_000 + "]" * 100_000, '{"format": ' + "9" * 10_000 + "}", f'{{"format": "{ESCAPE}"}}'):
        Path("manifest.json").write_text(content, "utf-8")
        refused(valign("report", "."), "manifest.json")


@pytest.mark.usefixtures("undrawn")
@pytest.mark.parametrize("text", ["x = ", LISTS])
def test_a_scenario_in_a_manifest_that_was_edited(valign, tmp_path, text):
    assert valign("run", "two-services", "--runs", 2, "--months", 2, "--out", "out").code == 0
    manifest = json.loads(Path("out/manifest.json").read_text("utf-8"))
    manifest["work"]["scenario"] = text
    put_manifest(Path("out"), manifest)
    refused(valign("report", "out"), "manifest.json", "cannot be read")


def test_there_is_one_writer_of_csv_one_reader_of_toml_and_one_printer(root):
    own = {  # where the mechanism is, or what is written or printed is ours alone
        r"\.to_csv\(|\bwrite_csv\(|CSVWriter\(|csv\.writer\(|DictWriter\(": {
            "calibration/data/schema.py",  # a hash
            "calibration/diagnose/society.py",
            "valign/cli/parameters.py",
            "valign/machine/reading.py",  # a sheet of a visitor, for the readers of tables
        },
        r"tomllib\.loads\(": {"model/reading.py", "results/reports/render.py"},
        r"(?<![\w.])print\(": {
            "valign/cli/terminal.py", "valign/cli/app.py", "valign/cli/guarded.py", "experiments/stopping.py",
            "model/compiled/compiling.py", "calibration/patterns/study.py", "experiments/study_sensitivity.py",
            "experiments/study_world.py", "experiments/claims/__main__.py", "calibration/study.py",
            "calibration/diagnose/example.py", "calibration/diagnose/study.py", "calibration/matching/study.py",
            "calibration/matching/known_truth.py", "calibration/study_differences.py",
            "calibration/study_misfit.py", "calibration/study_planning.py", "experiments/decide/__main__.py",
        },
    }  # fmt: skip
    packages = ("model", "experiments", "calibration", "results", "valign/cli", "valign/machine", "valign/page")
    for file in (file for package in packages for file in (root / package).rglob("*.py")):
        for line in file.read_text("utf-8").splitlines():
            for call, files in own.items():
                if re.search(call, line) and not re.search(r"as_cells\(", line):
                    assert file.relative_to(root).as_posix() in files, line


# --- names that are allowed and mean harm ----------------------------------------------------------------------------
SCRIPT = "<script>alert(1)</script>"


class Scripts(HTMLParser):
    """Counts what a browser would run."""

    found = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found += tag in ("script", "iframe", "object", "embed") or any(name.startswith("on") for name, _ in attrs)


@pytest.fixture(scope="module")
def hostile() -> str:
    """A valid scenario whose every name and title means harm."""
    raw = Scenario.load("two-services").to_mapping()
    raw |= {"name": f"=1+1{SCRIPT}$x^{{$", "title": f"@SUM(1)</title>{SCRIPT}{ESCAPE}\0{OVERRIDE}$\\frac{{$ &amp;"}
    raw["description"] = f"</p>{SCRIPT}{ESCAPE}\n\n`{SCRIPT}`"
    raw["innovation"]["name"] = f'"><img src=x onerror=alert(1)>{ESCAPE}'
    names = (f"=cmd|'/c calc'!A1{SCRIPT}{OVERRIDE}", "-2+3]]><svg onload=x>")
    assert len(raw["organisations"]) == len(names)
    raw["organisations"] = [{**group, "name": name} for group, name in zip(raw["organisations"], names, strict=True)]
    for change in raw.get("changes", ()):
        change.pop("organisations", None)
    return Scenario.from_mapping(raw).to_toml()


def harmless(folder: Path) -> set[str]:
    """Look at every file that people open; the kinds that there were."""
    kinds = set()
    for path in sorted(folder.iterdir()):
        kinds.add(path.suffix)
        if path.suffix not in (".html", ".svg", ".csv"):
            continue
        text = path.read_bytes().decode("utf-8")
        assert not any(is_hidden(each) and each not in "\n\t\r" for each in text), path
        if path.suffix == ".csv":
            for row in csv.reader(io.StringIO(text, newline="")):
                for cell in row:
                    if cell.startswith(FORMULA):
                        float(cell)
        else:
            reader = Scripts()
            reader.feed(text)
            assert reader.found == 0, path
            if path.suffix == ".svg":
                minidom.parseString(path.read_bytes())
    return kinds


def unsteered(said) -> None:
    assert said.code == 0, said.err
    assert all(each == "\n" or not is_hidden(each) for each in said.out + said.err)


def test_names_that_mean_harm_are_shown_and_do_none(valign, tmp_path, hostile):
    Path("mine.toml").write_text(hostile, "utf-8")
    for command in ("describe", "validate"):
        unsteered(valign(command, "mine.toml"))
    unsteered(said := valign("describe", "mine.toml", "--json"))
    assert json.loads(said.out)["title"] == Scenario.load("mine.toml").title
    few = ("--runs", 4, "--months", 6)
    kept = ("decomposition", "events", "agents")
    unsteered(valign("run", "mine.toml", *few, *(f"--record={name}" for name in kept), "--out", "run"))
    unsteered(valign("levels", "--at-defaults", "mine.toml", *few, "--out", "levels"))
    unsteered(valign("compare", "--at-defaults", "mine.toml", "mine.toml+slack=0.1", *few, "--out", "compare"))
    Path("design.csv").write_text("seed,slack\n1,0.1\n2,0.2\n", "utf-8")
    unsteered(valign("batch", "design.csv", "--scenario", "mine.toml", "--record", "series", "--out", "batch"))
    unsteered(valign("report", "run"))
    for name in ("run", "levels", "compare"):
        assert harmless(Path(name)) >= {".html", ".svg", ".csv", ".png"}
    harmless(Path("batch"))
    page = Path("run/report.html").read_text("utf-8")
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page
    assert r"\x1b[2J" in page
