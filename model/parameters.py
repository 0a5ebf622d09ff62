"""Every parameter and mechanism of the model, collected from the records. Loads no Numba.

Scenario files, the command line, bounds of sensitivity analyses, priors of calibrations, sliders and the ODD tables
are all generated from here. A parameter is declared in the record of its mechanism (`model/mechanisms/NAME/record.py`)
or, where it belongs to none, in `model/records.py`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from importlib import import_module

from .mechanism import Mechanism
from .mechanisms import MONTH
from .parameter import CHANNELS, ROLES, Family, Group, Parameter, members
from .records import INNOVATION, SOCIETY, VALUES, VOICES

__all__ = ["CHANNELS", "ROLES", "Parameter"]  # declared in parameter.py, used by all who use these tables


def _record(name: str) -> Mechanism:
    record: Mechanism = import_module(f".mechanisms.{name}.record", __package__).MECHANISM
    return record


RECORDS = tuple(_record(name) for name in MONTH)  # in the order of the month
# Switches, in the order of the month; a rule of a mechanism has one of its own.
MECHANISMS = tuple(switch for record in RECORDS for switch in record.switches)


def _groups() -> Iterator[Mechanism | Group]:
    """Groups of parameters in the order in which tables list them, and settings have their columns."""
    yield from (VALUES, INNOVATION)
    for record in RECORDS:
        yield record
        if record.name == "anchoring":
            yield VOICES  # listed with the relationships that they weigh
    yield SOCIETY


def _listed(group: Mechanism | Group) -> str:
    return (group.group if isinstance(group, Mechanism) else "") or group.name


PARAMETERS: dict[str, Parameter] = {
    name: replace(parameter, name=name, mechanism=_listed(group))
    for group in _groups()
    for key, declared in group.parameters.items()
    for name, parameter in members(key, declared)
}
FAMILIES: dict[str, Parameter | Family] = {
    key: declared for group in _groups() for key, declared in group.parameters.items()
}
RUN_PARAMETERS = tuple(p for p in PARAMETERS.values() if p.scope != "society")
INDEX = {p.name: row for row, p in enumerate(RUN_PARAMETERS)}
TERMS = {record.name: record.terms for record in RECORDS}
