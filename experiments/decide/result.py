"""What `decide` gives back: tables, from which figures, texts and pages are made."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields

import pandas as pd

from valign.model.scenario.scenario import Scenario

from .options import Mix


@dataclass(eq=False)
class Decision:
    """What to do with a budget, and what would be worth knowing.

    scenario : with the horizon of the decision. best : the recommended mix. All else as tables (`docs/DECIDE.md`):

    asked : what was decided over (a row). mixes : every mix that raced. finalists : those judged on fresh worlds and
    runs, with gains over doing nothing, chance of being best, regret. front : of them those that no other beats in
    money and goals. views : the best by each view. steps : the best for £50,000 less and more. rule : when another
    mix would be better. kinds : regret by mix and kind of world. plan : the recommended mix month by month. evppi,
    evsi : what would be worth knowing. waiting : rules that wait and see. pilots : where to pilot first, by way of
    choosing (empty unless asked for). unavailable : actions that cannot be taken here.
    """

    scenario: Scenario
    best: Mix
    asked: pd.DataFrame
    mixes: pd.DataFrame
    finalists: pd.DataFrame
    views: pd.DataFrame
    steps: pd.DataFrame
    rule: pd.DataFrame
    kinds: pd.DataFrame
    plan: pd.DataFrame
    evppi: pd.DataFrame
    evsi: pd.DataFrame
    waiting: pd.DataFrame
    pilots: pd.DataFrame
    unavailable: pd.DataFrame

    @property
    def front(self) -> pd.DataFrame:
        """Finalists that no other beats in money and goals."""
        return self.finalists[self.finalists["front"]]

    @property
    def regret(self) -> pd.DataFrame:
        """Expected loss by mix and kind of world, in the unit of the goal."""
        return self.kinds

    def tables(self) -> Mapping[str, pd.DataFrame]:
        """All tables by name."""
        return {each.name: getattr(self, each.name) for each in fields(self) if each.name not in ("scenario", "best")}
