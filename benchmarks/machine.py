"""`valign explore` under visitors: is anything lost, mixed up or slow, while one computes all of England?

    python -m benchmarks.machine --visitors 10 --minutes 5

First how long it takes until the port is open and the first page is there. Then visitors ask, each in a setting of its
own; one moves a lever of `england` again and again; between them come hostile requests. Each answer must be that of its
visitor's setting. A page's own levers are not here: they compute in the visitor's browser and ask nobody.
"""

from __future__ import annotations

import argparse
import random
import statistics
import tempfile
import threading
import time
from collections import Counter
from pathlib import Path
from typing import Any

from tests.serving import Server, Visitor, machine

KINDS = ("run", "levels", "compare", "why")
HOSTILE = (b"", b"[" * 3000, b'{"kind": 7}', b"\0" * 1000, b'{"kind":"run","set":{"slak":1e999}}', b"x" * 250_000)


class Crowd:
    """Visitors, and what came of what they asked."""

    def __init__(self, server: Server, until: float) -> None:
        self.server, self.until = server, until
        self.counts: Counter[str] = Counter()
        self.times: dict[str, list[float]] = {}
        self.wrong: list[str] = []
        self.memory: list[tuple[float, float]] = []

    def took(self, what: str, since: float) -> None:
        self.times.setdefault(what, []).append(time.monotonic() - since)

    def going(self) -> bool:
        return time.monotonic() < self.until

    def visitor(self, number: int) -> None:
        """Ask one thing after the other, in a setting that nobody else has."""
        chance, who = random.Random(number), Visitor(self.server)
        months = 6 + number
        while self.going():
            begun, kind = time.monotonic(), chance.choice(KINDS)
            who.get("")
            self.took("a page", begun)
            job = who.ask(kind=kind, set={"months": months})
            self.took("an answer", begun)
            self.counts[f"{kind}: {job['state']}"] += 1
            expected = "refused" if kind == "compare" else "done"  # a comparison over other months
            if job["state"] != "done" and kind != "compare":
                self.wrong.append(f"{kind} {months}: {job['state']} {job['problems']}, expected {expected}")
            elif job["state"] == "done" and f"months={months}" not in job["result"]["command"]:
                self.wrong.append(f"{kind} {months}: got {job['result']['command']}")

    def england(self) -> None:
        """Move a lever of a large scenario, and now and then wait until its bands are there."""
        who, n = Visitor(self.server, "england"), 0
        while self.going():
            n += 1
            begun, setting = time.monotonic(), round(0.3 + 0.01 * (n % 40), 2)
            _, job = who.call(
                "api/jobs", {"kind": "bands", "scenario": "england", "set": {"leadership_strength": setting}}
            )
            patience = 600.0 if n % 3 == 0 else 2.0
            while job["state"] in ("waiting", "working", "held") and time.monotonic() < begun + patience:
                job = who.call(f"api/jobs/{job['id']}")[1]
                if job["result"]:
                    self.took("first bands of england", begun)
                    if f"={setting}" not in job["result"]["command"]:
                        self.wrong.append(f"england: bands of {job['result']['command']}, expected {setting}")
                    break
                time.sleep(0.2)
            self.counts["england asked"] += 1

    def hostile(self) -> None:
        chance, who = random.Random(1), Visitor(self.server)
        while self.going():
            path = chance.choice(("api/jobs", "api/files?name=%2e%2e", "api/jobs/x", "?scenario=%00", "x"))
            status, _ = who.call(path, chance.choice(HOSTILE), chance.choice(("POST", "PUT", "DELETE")))
            self.counts[f"hostile: {status}"] += 1
            if status >= 500:
                self.wrong.append(f"{path}: {status}")
            time.sleep(0.1)

    def watched(self) -> None:
        while self.going():
            self.memory.append((self.server.memory(), self.server.memory_of_workers()))
            time.sleep(2)


def guarded(crowd: Crowd, act: Any, *arguments: Any) -> None:
    try:
        act(*arguments)
    except Exception as error:  # a thread's own would be lost
        crowd.wrong.append(f"{act.__name__}: {error!r}")


def measured(visitors: int, minutes: float) -> dict[str, object]:
    """Raises AssertionError where something is lost, mixed up or fails."""
    with tempfile.TemporaryDirectory() as folder:
        begun = time.monotonic()
        with machine(Path(folder)) as server:
            first = time.monotonic() - begun
            Visitor(server)
            page = time.monotonic() - begun
            crowd = Crowd(server, time.monotonic() + 60 * minutes)
            acts: list[Any] = [(crowd.visitor, n) for n in range(visitors - 1)]
            acts += [(crowd.england,), (crowd.hostile,), (crowd.watched,)]
            threads = [threading.Thread(target=guarded, args=(crowd, *act)) for act in acts]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
            after = server.memory()
            log = server.log.read_text("utf-8")
    assert crowd.wrong == [], crowd.wrong[:5]
    assert "Traceback" not in log, log
    own, workers = zip(*crowd.memory, strict=True)
    return {
        "port open and first screen, s": round(first, 1),
        "page of the scenario, s": round(page, 1),
        **{f"{what}, median and most, s": (round(statistics.median(each), 1), round(max(each), 1), len(each))
           for what, each in crowd.times.items()},
        "memory of the server, first, most, last, MB": (round(own[0]), round(max(own)), round(after)),
        "memory of jobs, most, MB": round(max(workers)),
        **dict(sorted(crowd.counts.items())),
    }  # fmt: skip


if __name__ == "__main__":
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--visitors", type=int, default=10)
    options.add_argument("--minutes", type=float, default=5.0)
    given = options.parse_args()
    for what, number in measured(given.visitors, given.minutes).items():
        print(f"{what}: {number}")
