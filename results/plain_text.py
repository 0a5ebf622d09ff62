"""Text from outside made harmless where it is shown: on terminals, in pages and figures, in cells of CSV."""

from __future__ import annotations

import html
import unicodedata
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa

HIDDEN = ("Cc", "Cf", "Cs", "Zl", "Zp")  # control, format (direction, zero width), surrogate, line and paragraph ends
FORMULA = ("=", "+", "-", "@", "\t", "\n", "＝", "＋", "－", "＠")  # by which spreadsheets know a formula


def is_hidden(character: str) -> bool:
    """Whether a character is not seen but steers what shows it."""
    return unicodedata.category(character) in HIDDEN


def visible(text: str, keep: str = "\n") -> str:
    r"""The text with its hidden characters written out (`\x1b`, `\u202e`), but for those in `keep`."""
    if text.isprintable():
        return text
    return "".join(_code(each) if is_hidden(each) and each not in keep else each for each in text)


def _code(character: str) -> str:
    number = ord(character)
    return f"\\x{number:02x}" if number < 0x100 else f"\\u{number:04x}" if number < 0x10000 else f"\\U{number:08x}"


def escape(text: str, quote: bool = True) -> str:
    """The text as HTML, hidden characters written out."""
    return html.escape(visible(text, "\n\t"), quote)


def cell(text: str) -> str:
    """A text for CSV: an apostrophe before what a spreadsheet would take for a formula, hidden characters written out.

    Numbers stay as they are.
    """
    text = visible(text, "\n\t")
    if not text.startswith(FORMULA):
        return text
    try:
        float(text)
    except ValueError:
        return f"'{text}"
    return text if text.strip() == text else f"'{text}"


def as_cells(table: pa.Table) -> pa.Table:
    """A table of Arrow for its CSV writer: every text, and every name of a column, a `cell`."""
    import pyarrow as pa

    columns = []
    for column in table.columns:
        kind = column.type.value_type if pa.types.is_dictionary(column.type) else column.type
        if pa.types.is_string(kind) or pa.types.is_large_string(kind):
            words = column.cast(kind).combine_chunks().dictionary_encode()
            words = words if isinstance(words, pa.DictionaryArray) else words.combine_chunks()
            found = pa.array([cell(each) for each in words.dictionary.to_pylist()], kind)
            column = pa.DictionaryArray.from_arrays(words.indices, found).cast(kind)
        columns.append(column)
    return pa.table(columns, names=[cell(name) for name in table.column_names])


def frame_as_cells(table: pd.DataFrame) -> pd.DataFrame:
    """A table of pandas for `to_csv`: every text, and every name of a column, a `cell`."""
    found = table.rename(columns=lambda name: cell(str(name)))
    for place, kind in enumerate(table.dtypes):
        if kind.kind == "O":  # texts, categories
            words = table.iloc[:, place].astype(object)
            found.isetitem(place, words.map(lambda each: cell(each) if isinstance(each, str) else each))
    return found
