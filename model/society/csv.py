"""CSV as it stands in the file."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd


def read_csv(source: Any, **options: Any) -> pd.DataFrame:
    """A table with the names of the file's first line: a name that appears twice is the name of two columns.

    pandas calls the second `slack` of a header `slack.1`, and where lines have more cells than the header it moves them
    one column to the left or cuts them off. Here the first line is read as any other, so that longer lines are refused.

    source, options : as for `pandas.read_csv`. Raises OSError or ValueError where it cannot be read.
    """
    import pandas as pd

    with pd.read_csv(source, header=None, iterator=True, **options) as reader:
        first = reader.get_chunk(1).iloc[0]
        names = [f"Unnamed: {n}" if pd.isna(name) or name == "" else str(name) for n, name in enumerate(first)]
        try:
            table = reader.read()
        except StopIteration:  # nothing below the header
            table = pd.DataFrame(columns=range(len(names)), dtype=options.get("dtype"))
    return table.set_axis(names, axis="columns").reset_index(drop=True)
