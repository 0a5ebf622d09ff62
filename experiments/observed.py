"""What was observed of a public data set, beside which runs of its scenario are shown."""

from __future__ import annotations

from typing import TYPE_CHECKING

from valign.model.errors import InputError, unknown
from valign.model.society.tables import DATA_SETS, data_set_folder, missing_data

if TYPE_CHECKING:
    import pandas as pd


def observed_curve(name: str, community: int | None = None) -> pd.DataFrame:
    """Observed uptake: columns month (0 … the last) and share adopted by its end.

    name : a public data set, such as "medical-innovation". community : 1 … 4, a city; None is all of them.
    Raises InputError when the data are not on this machine.
    """
    import pandas as pd

    if name not in DATA_SETS:
        raise InputError([unknown(name, DATA_SETS, "data set")])
    path = data_set_folder(name) / "curve.csv"
    if not path.is_file():
        raise missing_data(name)
    curve = pd.read_csv(path, dtype={"community": str})
    rows = curve[curve["community"] == ("ALL" if community is None else str(community))]
    if rows.empty:
        allowed = [each for each in curve["community"].unique() if each != "ALL"]
        raise InputError([f"community = {community!r}: expected one of {', '.join(allowed)}"])
    share = rows["cum_adopters"] / rows["n"]
    return pd.DataFrame({"month": [0, *rows["t"]], "share": [0.0, *share]})
