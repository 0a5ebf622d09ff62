"""What a report holds, whichever command it is of."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure

Tables = Mapping[str, "pd.DataFrame"]  # of a folder of results, by name


@dataclass(frozen=True)
class Drawn:
    """A figure with the name of its files, a text for those who cannot see it, its data, and a heading in a report.

    figure : draws it (a partial of a function of a module, so that another process can).
    """

    name: str
    figure: Callable[[], Figure]
    alt: str
    data: pd.DataFrame
    heading: str = ""


@dataclass(frozen=True)
class Table:
    """A table as people read it. words: cells hold sentences rather than numbers; folded: shown when asked for."""

    heading: str
    columns: Sequence[str]
    rows: Sequence[Sequence[str]]
    words: bool = False
    folded: bool = False


@dataclass(frozen=True)
class Page:
    """A report. Every list holds sentences, in the order in which they are read.

    question : what was asked. reading : what to know before the findings. findings : what the numbers say. certainty :
    how sure that is. cautions : what does not follow. figures : the first stands beside the findings. remarks : how to
    read the tables. words : used in the report, with their meaning. first : what stands above all, where it is not the
    first finding. brief, sheet : on one sheet of paper, the findings behind the headline (none: the first three) and
    the name of the figure (none: the first). `code` in a sentence is set as such.
    """

    question: str
    reading: str
    findings: Sequence[str]
    certainty: Sequence[str]
    cautions: Sequence[str]
    figures: Sequence[Drawn] = ()
    tables: Sequence[Table] = ()
    remarks: Sequence[str] = ()
    words: dict[str, str] = field(default_factory=dict)
    first: str = ""
    brief: Sequence[str] = ()
    sheet: str = ""

    @property
    def figure_of_sheet(self) -> Sequence[Drawn]:
        """The figure for one sheet of paper, where there is one."""
        return [each for each in self.figures if each.name == self.sheet] or self.figures[:1]

    @property
    def headline(self) -> str:
        """The one sentence to remember, with its number and its doubt."""
        return self.first or next(iter(self.findings), "")

    @property
    def further(self) -> Sequence[str]:
        """The findings behind the headline."""
        return [each for each in self.findings if each != self.headline]
