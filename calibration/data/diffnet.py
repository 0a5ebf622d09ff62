"""Diffusion networks of the R package netdiffuseR (class `diffnet`), saved by R as .rda, .rdata or .rds.

Read by `rdata`, without R. Of a diffnet these parts are used: `graph` (a sparse matrix a period; row i names column j),
`toa` (time of adoption, in the units of its periods, missing: not adopted), `vertex.static.attrs`, and the names of the
periods.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any, cast

import numpy as np
import pandas as pd

from valign.model.errors import InputError
from valign.model.reading import MOST_TABLE, read_bytes, reason

SUFFIXES = (".rda", ".rdata", ".rds")
ID, TIME, SOURCE, TARGET = "id", "time", "from", "to"
MISSING_INTEGER = -(2**31)  # how R writes a missing whole number


def is_diffnet(file: str | Path) -> bool:
    """Whether a file is one that R saved."""
    return Path(file).suffix.lower() in SUFFIXES


@dataclass(frozen=True, eq=False)
class Diffnet:
    """people : id, time (in the units of the periods, empty: did not adopt), and all that does not change; as text.
    ties : from, to, those of any period. first, last : period.
    """

    people: pd.DataFrame
    ties: pd.DataFrame
    first: int
    last: int


def read_diffnet(file: Path) -> Diffnet:
    """The diffnet that a file of R holds.

    Raises InputError for a file that cannot be read, or that holds no diffnet or several.
    """
    name, net = _only_diffnet(file)
    try:
        periods, people = _periods(net), _people(net)
        return Diffnet(people, _ties(net, people[ID].to_numpy()), periods[0], periods[-1])
    except (KeyError, IndexError, TypeError, ValueError, AttributeError) as error:
        raise InputError([f"{file}: {name} is not a diffnet as netdiffuseR makes it: {reason(error)}"]) from None


def _only_diffnet(file: Path) -> tuple[str, Mapping[str, Any]]:
    """Name and parts of the one diffnet that a file holds."""
    try:
        rdata: Any = import_module("rdata")
    except ImportError:
        raise InputError(
            [f"{file}: files of R need rdata: pip install 'valign[data]' (or save the tables as CSV in R)"]
        ) from None
    try:
        content = read_bytes(file, MOST_TABLE)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # matrices are taken as R stores them
            found: object = rdata.conversion.convert(rdata.parser.parse_data(content))
    except Exception as error:  # a damaged file may raise anything
        raise InputError([f"{file}: cannot be read as a file of R: {reason(error)}"]) from None
    held: Mapping[str, Any] = cast("Mapping[str, Any]", found) if isinstance(found, Mapping) else dict[str, Any]()
    objects: Mapping[str, Any] = {"the object": held} if _looks_like(held) else held
    nets = {str(name): each for name, each in objects.items() if _looks_like(each)}
    if len(nets) != 1:
        what = "several diffnets" if nets else "no diffnet"
        names = ", ".join(map(str, objects)) or "a table or a vector"
        raise InputError([f"{file}: holds {what} ({names}): expected one (save one alone in R)"])
    return next(iter(nets.items()))


def _looks_like(found: object) -> bool:
    return isinstance(found, Mapping) and {"graph", "toa"} <= {str(name) for name in cast("Mapping[str, Any]", found)}


def _periods(net: Mapping[str, Any]) -> list[int]:
    """The periods in their own units, as R names the slices of a graph."""
    graph: Any = net["graph"]
    if isinstance(graph, Mapping):
        return [int(str(name)) for name in cast("Mapping[str, Any]", graph)]
    pers: Any = net["meta"]["pers"]
    return [int(each) for each in np.asarray(pers).ravel()]


def _people(net: Mapping[str, Any]) -> pd.DataFrame:
    toa = np.asarray(net["toa"], float).ravel()
    told = ["" if np.isnan(each) or each == MISSING_INTEGER else f"{each:g}" for each in toa]
    static: Any = net.get("vertex.static.attrs")
    fits = isinstance(static, pd.DataFrame) and len(static) == len(toa)
    known = static if fits else pd.DataFrame(index=range(len(toa)))
    ids = _ids(net, known, len(toa))
    own = pd.DataFrame({ID: ids, TIME: told})
    rest = known.reset_index(drop=True).astype(object)
    rest = rest[[name for name in rest if str(name) not in own]]
    return pd.concat([own, rest.where(rest.notna(), "")], axis=1)


def _ids(net: Mapping[str, Any], known: pd.DataFrame, people: int) -> list[str]:
    """The names of people, as R has them."""
    given: Any = net["meta"].get("ids") if isinstance(net.get("meta"), Mapping) else None
    ids = known.index if given is None or np.size(given) != people else np.asarray(given).ravel()
    return [str(each) for each in ids]


def _ties(net: Mapping[str, Any], ids: np.ndarray) -> pd.DataFrame:
    """Who names whom, in any period."""
    graph: Any = net["graph"]
    slices = list(cast("Mapping[str, Any]", graph).values()) if isinstance(graph, Mapping) else [graph]
    found: list[np.ndarray] = []
    for each in slices:
        i, p = np.asarray(each.i, np.int64), np.asarray(each.p, np.int64)
        kept = np.asarray(each.x, float) != 0
        found.append(np.column_stack([i, np.repeat(np.arange(len(p) - 1), np.diff(p))])[kept])
    pairs = np.unique(np.concatenate(found), axis=0)
    return pd.DataFrame({SOURCE: ids[pairs[:, 0]], TARGET: ids[pairs[:, 1]]})
