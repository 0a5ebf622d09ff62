"""Files that others wrote are read within limits: what goes beyond is refused at once, with the reason."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from valign.model import reading
from valign.model.reading import DEEPEST, MOST_COLUMNS, TomlError, parse_toml, read_bytes, read_csv, read_text, reason


@pytest.mark.parametrize("text", [
    "x = " + "[" * 1000 + "]" * 1000, "x = " + "{a=" * 1000 + "1" + "}" * 1000, ".".join("a" * 200_000) + " = 1",
    "[p." + ".".join("a" * 1000) + "]\nx = 1", " . ".join("a" * 1000) + " = 1", ".".join(['"a"'] * 100_000) + " = 1",
    "x = " + "[" * (DEEPEST + 1) + "]" * (DEEPEST + 1), "x = {" + ".".join("a" * 100) + " = 1}",
])  # fmt: skip
def test_toml_that_is_nested_without_end_is_refused_at_once(text):
    begun = time.process_time()
    with pytest.raises(TomlError, match="nested more than 50 levels deep"):
        parse_toml(text)
    assert time.process_time() - begun < 20


def test_toml_as_people_write_it_is_read():
    dots = "..." * 5_000
    lines = (
        f'title = "{dots} a.b.c" # {dots}',
        f'long = """{dots}"""',
        f"plain = '{dots}'",
        f"x = [{'0.25, ' * 1000}]",
    )
    text = "\n".join((*lines, "a.b.c.d = 1"))
    found = parse_toml(text)
    assert found["title"] == dots + " a.b.c"
    assert (len(found["x"]), found["a"]) == (1000, {"b": {"c": {"d": 1}}})
    deep = "[" * (DEEPEST - 1) + "]" * (DEEPEST - 1)
    assert str(parse_toml(f"x = {deep}")["x"]) == deep


@pytest.mark.parametrize(("text", "why"), [
    ("x = ", "not valid TOML: Invalid value"), ("x = " + "9" * 5_000, "a number has thousands of digits"),
    ("x = 'a\0b'", "not valid TOML"), ("a" * 1_000_000, "not valid TOML"),
])  # fmt: skip
def test_what_is_no_toml_is_said_to_be_none(text, why):
    with pytest.raises(TomlError, match=why):
        parse_toml(text)


def test_every_toml_of_the_project_is_read(root):
    files = [
        *root.glob("model/scenarios/*.toml"),
        *root.glob("experiments/claims/*.toml"),
        *root.glob("examples/**/*.toml"),
    ]
    assert len(files) > 20
    for file in files:
        assert parse_toml(file.read_text("utf-8"))


def test_files_that_are_too_long_are_not_taken_in(tmp_path, monkeypatch):
    monkeypatch.setattr(reading, "MOST_TEXT", 10)
    path = tmp_path / "long"
    path.write_bytes(b"x" * 11)
    with pytest.raises(ValueError, match="is longer than 1e-05 MB"):
        read_bytes(path, 10)
    assert read_bytes(path, 11) == b"x" * 11
    with path.open("wb") as file:
        file.truncate(10**13)  # takes no room
    with pytest.raises(ValueError, match="is longer than 10 MB"):
        read_text(path)
    if Path("/dev/zero").exists():
        with pytest.raises(ValueError, match="is longer than 10 MB"):
            read_text("/dev/zero")


def test_what_is_no_text_is_said_to_be_none(tmp_path):
    path = tmp_path / "file"
    path.write_bytes(b"\x1f\x8b\x08")
    with pytest.raises(ValueError, match="is not UTF-8 text"):
        read_text(path)
    path.write_bytes("\ufeffname".encode())
    assert read_text(path) == "name"
    for wrong, why in ((tmp_path, "Is a directory"), (tmp_path / "no", "No such file"), ("a\0b", "null byte")):
        with pytest.raises((OSError, ValueError)) as error:
            read_text(wrong)
        assert why in reason(error.value)


def test_a_million_columns_are_refused_at_once():
    text = ",".join(f"c{n}" for n in range(10**6)) + "\n" + ",".join("1" * 10**6)
    begun = time.process_time()
    with pytest.raises(ValueError, match="has 1,000,000 columns; at most 16,384 are read"):
        read_csv(text)
    assert time.process_time() - begun < 20
    with pytest.raises(ValueError, match="columns; at most"):
        read_csv('"a\n' + '","'.join("b" * 20_000) + '"\n')  # a header of two lines
    assert read_csv(",".join(["c"] * 300)).shape == (0, 300)
    assert MOST_COLUMNS > 10_000


def test_a_name_without_end_is_refused():
    with pytest.raises(ValueError, match="field larger than"):
        read_csv("a" * 1_000_000 + ",b\n1,2\n")
