"""Where runs are computed: threads, worker processes, a cluster."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from valign.model.errors import InputError

if TYPE_CHECKING:
    from valign.experiments.batch.executors import How


@dataclass(frozen=True)
class Where:
    """The options that say where runs are computed, of `batch`, `levels`, `compare` and `resume`."""

    threads: int | None
    workers: int | None
    cluster: str | None
    part: str | None
    quiet: bool
    as_json: bool

    def __post_init__(self) -> None:
        for name in ("threads", "workers"):
            value = getattr(self, name)
            if value is not None and not 1 <= value <= 1024:
                raise InputError([f"--{name} {value}: expected a whole number from 1 to 1024"])
        if sum(each is not None for each in (self.threads, self.workers, self.cluster)) > 1:
            raise InputError(["give one of --threads, --workers and --cluster"])

    def how(self) -> How:
        from valign.experiments.batch.executors import How

        return How(self.threads, self.workers, self.cluster, _part(self.part))


def _part(text: str | None) -> tuple[int, int] | None:
    if text is None:
        return None
    number, slash, of = text.partition("/")
    if not (slash and number.isdigit() and of.isdigit() and 1 <= int(number) <= int(of)):
        raise InputError([f"--part {text}: expected I/N with I from 1 to N, e.g. 3/10"])
    return int(number) - 1, int(of)
