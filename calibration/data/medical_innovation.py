"""Medical Innovation, the public data set: fetched once where it is published, checked by hash, converted, described.

The project ships no individual data. When 125 doctors in four cities took up tetracycline, and whom they named as
advisors, discussion partners and friends (Coleman, Katz & Menzel 1966, Medical Innovation: a diffusion study;
recovered by Burt 1987, American Journal of Sociology 92; file of the R package netdiffuseR, MIT licence, T. W. Valente
and others 2018; the data have no licence of their own: cite all three).
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

import tomli_w

from valign.model.errors import InputError, unknown
from valign.model.reading import parse_toml
from valign.model.society.tables import DATA_SETS, data_set_folder
from valign.results.checkpoint import replace
from valign.results.plain_text import frame_as_cells

if TYPE_CHECKING:
    import pandas as pd

MEDICAL_INNOVATION = "medical-innovation"
URL = "https://github.com/USCCANA/netdiffuseR/raw/f16350e503126db0f8f3384ce8afcbefde28f83d/data/medInnovations.rdata"
SHA256 = "10a6e0fbf8f69c349b1c2b39d308a57355155890d889caf0fc8d5c8b867e447e"
LAST_MONTH = 17  # observed until then; month 18 stands for "not adopted"
CITIES = 4
RELATIONS = {"net1": "advice", "net2": "discussion", "net3": "friend"}
TABLES = ("nodes.csv", "edges.csv", "codebook.csv", "curve.csv")
WHAT = {MEDICAL_INNOVATION: "125 doctors of four cities, their ties, and when they took up a new drug (1953-55)"}
MOST_LEVELS = 14  # a variable with more is described without counts

# The converted tables, described as a user's own would be: the one description, of which the codebook of the society is
# made. `science` (1 science first, 3 patients first) is read as a value orientation: an inference, since the doctors
# were asked about medicine and not about values. Its three levels are spaced so that they spread as work values do
# (SD .175); the four doctors who gave none get values from the role profile.
DESCRIPTION = f"""\
name = "{MEDICAL_INNOVATION}"
title = "125 doctors of four cities and a new drug, 1953-55"
source = "Coleman, Katz & Menzel 1966; Burt 1987; netdiffuseR (T. W. Valente and others 2018)"
time_unit = "month"
[people]
file = "nodes.csv"
id = "id"
community = "community"
time = "toa"
not_adopted = ["{LAST_MONTH + 1}"]
observed_until = "last_period"
[orientation.science_first]
column = "science"
codes = {{ 1 = 0.85, 2 = 0.65, 3 = 0.45 }}
innovation = 0.85
split = 0.75
[ties]
file = "edges.csv"
from = "ego"
to = "alter"
dangling = "drop"  # half of those named were not asked themselves
"""


def codebook() -> dict[str, Any]:
    """What of the description makes a society of the tables: people, cities, values and ties, without times."""
    described = parse_toml(DESCRIPTION)
    people, ties = described["people"], described["ties"]
    return {
        "id": people["id"],
        "organisation": people["community"],
        "organisations": {str(city): f"city {city}" for city in range(1, CITIES + 1)},
        "values": {
            name: {"column": of["column"], "codes": of["codes"]} for name, of in described["orientation"].items()
        },
        "edges": {key: ties[key] for key in ("from", "to", "dangling")},
    }


def get(name: str, source: str | Path | None = None) -> Path:
    """Fetch a public data set, check it and convert it.

    Parameters
    ----------
    name : "medical-innovation".
    source : a local copy of the published file; without it the file is downloaded, once.

    Returns
    -------
    Path : the folder with nodes.csv, edges.csv, codebook.csv, curve.csv and codebook.toml: `name` in $VALIGN_DATA,
        else in the user's data folder.

    Raises
    ------
    InputError : unknown name; a file that cannot be read or is not the published one; no network; no room to write.
    """
    if name not in DATA_SETS:
        raise InputError([unknown(name, DATA_SETS, "data set")])
    folder = data_set_folder(name)
    file = _download(folder) if source is None else Path(source)
    tables = convert(_checked(file))
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for table, frame in tables.items():
            replace(folder / table, frame_as_cells(frame).to_csv(index=False, lineterminator="\n").encode())
        replace(folder / "codebook.toml", tomli_w.dumps(codebook()).encode())
    except OSError as error:
        raise InputError(
            [f"{folder}: cannot be written: {error.strerror} (set VALIGN_DATA to a folder you can write to)"]
        ) from None
    return folder


def available() -> dict[str, Path | None]:
    """Data sets by name, with the folder of those that are on this machine."""
    return {
        name: data_set_folder(name) if (data_set_folder(name) / "codebook.toml").is_file() else None
        for name in DATA_SETS
    }


def _library(name: str) -> Any:
    """A library that only this needs."""
    try:
        return import_module(name)
    except ImportError:
        raise InputError([f"{name} is not installed; downloading data needs it: pip install 'valign[data]'"]) from None


def _download(folder: Path) -> Path:
    """The published file, kept in `folder`; not fetched again when it is there."""
    pooch = _library("pooch")
    try:
        return Path(pooch.retrieve(URL, known_hash=f"sha256:{SHA256}", path=folder, fname="medInnovations.rdata"))
    except (OSError, ValueError) as error:  # no network, no room, another file than expected
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise InputError(
            [
                f"{URL}: could not be fetched: {reason}; with a copy of the file from elsewhere: "
                f"`valign data get {MEDICAL_INNOVATION} --from FILE`"
            ]
        ) from None


def _checked(file: Path) -> Path:
    """The file, if it is the published one."""
    try:
        found = hashlib.sha256(file.read_bytes()).hexdigest()
    except (OSError, ValueError) as error:
        raise InputError([f"{file}: cannot be read: {getattr(error, 'strerror', None) or error}"]) from None
    if found != SHA256:
        raise InputError(
            [f"{file}: is not the published medInnovations.rdata (SHA-256 {found[:12]}…, expected {SHA256[:12]}…)"]
        )
    return file


def convert(file: str | Path) -> dict[str, pd.DataFrame]:
    """The published R file as tables: nodes, edges (one row per nomination), codebook, adoption curve."""
    rdata = _library("rdata")
    parsed = rdata.parser.parse_file(file)
    raw = rdata.conversion.convert(parsed)["medInnovations"]
    nodes, edges = _nodes(raw), _edges(raw)
    return dict(zip(TABLES, (nodes, edges, _codebook(raw, _labels(parsed.object)), _curve(nodes)), strict=True))


def _ids(raw: pd.DataFrame) -> pd.Series:
    return (raw["city"] * 1000 + raw["id"]).astype(int)


def _nodes(raw: pd.DataFrame) -> pd.DataFrame:
    """One row per doctor; what is derived from ids, ties or twice in the file is left out."""
    import pandas as pd

    out = {"city", "id", "ado", "adopt", "origid", "detail2", "commun", "toa", "study"}
    kept = [column for column in map(str, raw) if column not in out and not column.startswith("net")]
    first = {
        "id": _ids(raw),
        "community": raw["commun"],
        "toa": raw["toa"],
        "adopted": (raw["toa"] <= LAST_MONTH).astype(int),
        "last_period": LAST_MONTH,
    }
    return pd.DataFrame(first | {column: raw[column] for column in kept}).reset_index(drop=True)


def _edges(raw: pd.DataFrame) -> pd.DataFrame:
    """One row per nomination; those named live in the same city, and not all were asked themselves."""
    import pandas as pd

    ids = _ids(raw)
    parts: list[pd.DataFrame] = []
    for column in [name for name in map(str, raw) if name.startswith("net")]:
        named = raw[raw[column].notna()]
        parts.append(
            pd.DataFrame(
                {
                    "ego": ids[named.index],
                    "alter": (named["city"] * 1000 + named[column]).astype(int),
                    "community": named["city"].astype(int),
                    "relation": RELATIONS[column[:4]],
                    "source_column": column,
                }
            )
        )
    edges = pd.concat(parts, ignore_index=True)
    return edges.assign(alter_surveyed=edges["alter"].isin(set(ids)).astype(int))


def _curve(nodes: pd.DataFrame) -> pd.DataFrame:
    """Adoptions by month: in all cities, then in each."""
    import pandas as pd

    rows: list[dict[str, Any]] = []
    cities = [("ALL", nodes), *((str(city), part) for city, part in nodes.groupby(nodes["community"].astype(int)))]
    for city, part in cities:
        before = 0
        for month in range(1, LAST_MONTH + 1):
            new = int((part["toa"] == month).sum())
            rows.append(
                {
                    "dataset": "mi",
                    "time_unit": "month (1=Nov 1953)",
                    "community": city,
                    "n": len(part),
                    "t": month,
                    "new_adopters": new,
                    "cum_adopters": before + new,
                    "cum_share": round((before + new) / len(part), 4),
                    "hazard": round(new / (len(part) - before), 4),
                }
            )
            before += new
    return pd.DataFrame(rows)


def _codebook(raw: pd.DataFrame, labels: dict[str, str]) -> pd.DataFrame:
    """What the variables are, with counts of those with few levels."""
    import pandas as pd

    rows: list[dict[str, object]] = []
    for name in map(str, raw):
        counts = raw[name].value_counts(dropna=False).sort_index()
        levels = int(raw[name].nunique())
        few = levels <= MOST_LEVELS and not name.startswith("net")
        rows.append(
            {
                "variable": name,
                "label": labels.get(name, ""),
                "n_missing": int(raw[name].isna().sum()),
                "n_levels": levels,
                "value_labels": "",
                "counts": "; ".join(f"{value}:{count}" for value, count in counts.items()) if few else "",
            }
        )
    return pd.DataFrame(rows)


def _labels(parsed: Any) -> dict[str, str]:
    """Labels of the variables, an attribute that the conversion leaves behind."""
    found: dict[str, list[str]] = {}
    for tag, value in _pairs(parsed.value[0].attributes):
        if tag in ("names", "var.labels"):
            found[tag] = [(each.value or b"").decode("latin-1") for each in value.value]
    return dict(zip(found.get("names", ()), found.get("var.labels", ()), strict=False))


def _pairs(attributes: Any) -> Iterator[tuple[str, Any]]:
    """Members of one of R's linked lists."""
    while isinstance(getattr(attributes, "value", None), tuple):
        tag = attributes.tag.value.value if attributes.tag is not None and attributes.tag.value is not None else b""
        yield tag.decode("latin-1"), attributes.value[0]
        attributes = attributes.value[1]
