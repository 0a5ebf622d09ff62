"""Every service month by month, over runs: what `--record services` adds to the tables of a command."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pandas as pd

from valign.model.scenario.scenario import Scenario
from valign.model.society.generate import Society
from valign.results.summaries import HIGH, LOW

from .bases import imported

IN_USE, COMMISSIONED = ("piloting", "commissioned", "sustained"), "commissioned"


def names_of(scenario: Scenario, society: Society | None = None) -> list[str]:
    """Names of the services that are simulated, in their order: of the imported society, where there is one."""
    own = imported(scenario, society)
    return scenario.service_names() if own is None else own.service_names(scenario)


def by_service(services: pd.DataFrame, names: Mapping[object, Sequence[str]], by: str | None = None) -> pd.DataFrame:
    """Means over runs of each service and month.

    Parameters
    ----------
    services : `Outcomes.services`, or of several scenarios with a column `by`. names : of services, by value of `by`
        (None where there is no such column).

    Returns
    -------
    One row a service and month: `by`, service, month, engaged (share of members who work with it: mean, `engaged_low`
    and `engaged_high` 5 to 95 % of runs), alignment (mean), in_use and commissioned (shares of runs).
    """
    parts = [(None, services)] if by is None else list(services.groupby(by, sort=False, observed=True))
    found: list[pd.DataFrame] = []
    for value, part in parts:
        keyed = part.assign(
            in_use=part["stage"].isin(IN_USE).astype(float), commissioned=(part["stage"] == COMMISSIONED).astype(float)
        ).groupby(["service", "month"])
        engaged = keyed["engaged"]
        table = keyed[["engaged", "alignment", "in_use", "commissioned"]].mean()
        table.insert(1, "engaged_low", engaged.quantile(LOW))
        table.insert(2, "engaged_high", engaged.quantile(HIGH))
        table = table.reset_index()
        table["service"] = [names[value][n] for n in table["service"]]
        if by is not None:
            table.insert(0, by, value)
        found.append(table)
    return pd.concat(found, ignore_index=True)
