"""Files that others wrote, read within limits: what goes beyond them is refused in a sentence, before it costs anything.

Every function raises OSError where a file cannot be read, and ValueError, with the reason as its text, where what it
holds cannot be used; `reason` says either in words.
"""

from __future__ import annotations

import csv
import io
import os
import re
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd

MOST_TEXT, MOST_TABLE = 10_000_000, 1_000_000_000  # bytes of a TOML file, of a table
MOST_COLUMNS = 16_384  # as many as a spreadsheet has
DEEPEST = 50  # levels of tables and lists
_NO_KEYS = re.compile(r'"""(?:\\.|[^\\])*?"""|\'\'\'.*?\'\'\'|"(?:\\.|[^"\\\n])*"|\'[^\'\n]*\'|#[^\n]*', re.DOTALL)
_DEEP_KEY = re.compile(rf"(?<![\w-])(?:[\w-]++[ \t]*+\.[ \t]*+){{{DEEPEST}}}")
_TOO_DEEP = f"is nested more than {DEEPEST} levels deep"


class TomlError(ValueError):
    """Text that is no TOML, or none that a person would write; the message says how, after the name of the file."""


def reason(error: Exception) -> str:
    """Why something could not be read, in a line."""
    text = getattr(error, "strerror", None) or str(error)
    return text.strip().splitlines()[0] if text.strip() else type(error).__name__


def read_bytes(path: str | Path, most: int = MOST_TABLE) -> bytes:
    """What a file holds, or a ValueError where that is more than `most` bytes."""
    with Path(path).open("rb") as file:
        if os.fstat(file.fileno()).st_size <= most and len(content := file.read(most + 1)) <= most:
            return content
    raise ValueError(f"is longer than {most / 1e6:,g} MB")


def read_text(path: str | Path, most: int = MOST_TEXT) -> str:
    """The text of a file, UTF-8."""
    return decoded(read_bytes(path, most))


def decoded(content: bytes) -> str:
    """Bytes as text; a mark of UTF-8 at the beginning is no part of it."""
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise ValueError("is not UTF-8 text") from None


def parse_toml(text: str) -> dict[str, Any]:
    """TOML as nested mappings; raises TomlError."""
    if _DEEP_KEY.search(_NO_KEYS.sub("s", text)):  # which takes tomllib minutes
        raise TomlError(_TOO_DEEP)
    try:
        found = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise TomlError(f"not valid TOML: {error}") from None
    except RecursionError:
        raise TomlError(_TOO_DEEP) from None
    except ValueError:  # of Python's integers
        raise TomlError("not valid TOML: a number has thousands of digits") from None
    level: list[Any] = [found]
    for _ in range(DEEPEST):
        level = [
            inner
            for each in level
            for inner in (each.values() if isinstance(each, dict) else each)
            if isinstance(inner, (dict, list))
        ]
    if level:
        raise TomlError(_TOO_DEEP)
    return found


def read_csv(text: str, **options: Any) -> pd.DataFrame:
    """A table from the text of a CSV file, with the names in its first line: a name given twice is that of two columns.

    pandas calls the second `slack` of a header `slack.1`, and where lines have more cells than the header it moves them
    one column to the left or cuts them off. Here the first line is read as any other, so that longer lines are refused.

    options : as for `pandas.read_csv`.
    """
    import pandas as pd

    try:
        columns = len(next(csv.reader(io.StringIO(text, newline="")), ()))
    except csv.Error as error:
        raise ValueError(str(error)) from None
    if columns > MOST_COLUMNS:  # pandas would take minutes
        raise ValueError(f"has {columns:,} columns; at most {MOST_COLUMNS:,} are read")
    with pd.read_csv(io.StringIO(text, newline=""), header=None, iterator=True, **options) as reader:
        first = reader.get_chunk(1).iloc[0]
        names = [f"Unnamed: {n}" if pd.isna(name) or name == "" else str(name) for n, name in enumerate(first)]
        try:
            table = reader.read()
        except StopIteration:  # nothing below the header
            table = pd.DataFrame(columns=range(len(names)), dtype=options.get("dtype"))
    return table.set_axis(names, axis="columns").reset_index(drop=True)
