"""How long one waits for the page: `make page-speed` writes benchmarks/PAGE.md (some minutes; needs Chromium).

Times of opening from disk and of moving a lever, with 200 worlds beside. Beside them stands what the work would take
were every worker busy with nothing else, at the cost of a person-month seen in the blocks that follow in the same page
under the same load: so the ratio means something on a busy machine too.
"""

from __future__ import annotations

import os
import statistics
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tests"))

import serving  # noqa: E402

from valign.experiments.worlds import worlds as known_worlds  # noqa: E402
from valign.model.scenario.scenario import Scenario  # noqa: E402
from valign.page.build import page as page_of  # noqa: E402

WORLDS, LATER, SHIFTS = 200, 128, (0.2, 0.35, 0.5, 0.65, 0.8)
LEVER = "innovation.clarity"
# Bounds: MB of the file, seconds to first bands, seconds from a lever to first bands and to 64 runs, on free cores
BOUNDS = {"two-services": (1.0, 1.0, 0.1, 0.3), "housing-first": (5.0, 1.0, 0.5, 1.8)}
FACTOR, CONSTANT, MEMORY = 1.25, 0.08, 500.0
PAIRS, WORLDS_COST = 7, 1.1  # turns in one world and over worlds; how much longer these may take
# Notes when so many runs are drawn, and what each block took
WATCH = """() => {
  window.seen = []; window.blocks = [];
  document.addEventListener("DOMContentLoaded", () => new MutationObserver(() => {
    const { classList, dataset } = document.body;
    if (!classList.contains("stale")) window.seen.push([performance.now(), Number(dataset.runs)]);
  }).observe(document.body, { attributes: true }));
}"""
LISTEN = """() => {
  const { engine } = window.page, received = engine.received.bind(engine);
  engine.received = (slot, message) => {
    const { job } = message;
    const { people } = engine.header.societies[job.society];
    if (message.took) window.blocks.push([job.key, job.runs.length, people, message.took, job.mode]);
    received(slot, message);
  };
}"""
MOVE = """([lever, value]) => {
  window.seen.length = window.blocks.length = 0;
  const began = performance.now();
  window.page.apply({ set: { [lever]: value } });
  return began;
}"""
# Milliseconds of 64 runs in one world and over 64 worlds, in turns, each as if a lever had been moved; nothing is drawn
TURNS = """async (turns) => {
  const { engine } = window.page, found = { one: [], worlds: [] };
  const rest = () => { engine.want([]); return new Promise((resolve) => setTimeout(resolve, 50)); };
  for (let turn = 0; turn < 2 * turns; turn++) {
    await rest();
    const worlds = turn % 4 === 1 || turn % 4 === 2;
    const setting = window.page.setting(false, worlds), key = `${setting.key} ${turn}`;
    const began = performance.now();
    engine.want([{ ...setting, key }]);
    const { done } = await new Promise((resolve) => {
      const ensemble = engine.ensembles.get(key);
      const look = () => (ensemble.done >= 64 ? resolve(ensemble) : setTimeout(look, 1));
      look();
    });
    found[worlds ? "worlds" : "one"].push(((performance.now() - began) * 64) / done);
  }
  await rest();
  return [found.one, found.worlds];
}"""
DRAWN = "(runs) => window.seen.find((each) => each[1] >= runs)?.[0]"
BLOCKS = "() => [window.blocks, window.page.setting(false).key, window.page.engine.workers.length]"


@dataclass(frozen=True)
class Moved:
    """Seconds from a lever to first bands and to 64 runs, and what the work for each would take."""

    first: float
    settled: float
    first_work: float
    settled_work: float
    nanoseconds: float


def drawn(page: Any, runs: int) -> float:
    page.wait_for_function(DRAWN, arg=runs, timeout=90_000, polling=20)
    return page.evaluate(DRAWN, runs) / 1000


def moved(page: Any, value: float, months: int) -> Moved:
    """Move the lever, and wait until there are blocks behind those that one waits for."""
    began = page.evaluate(MOVE, [LEVER, value]) / 1000
    drawn(page, LATER)
    first, settled = drawn(page, 1), drawn(page, 64)
    blocks, key, workers = page.evaluate(BLOCKS)
    own = [each for each in blocks if each[0] == key and each[4] == "bands"]
    wide = max(each[1] for each in own)
    late = [each for each in own if each[1] == wide]
    cost = sum(each[3] for each in late) / sum(each[1] * each[2] for each in late) / months * 1e6
    people = statistics.mean(each[2] for each in own)
    work = [runs * people * months * cost * 1e-9 / workers for runs in (8, 64)]
    return Moved(first - began, settled - began, *work, cost)


def memory(browser: Any) -> float:
    """Megabytes of the browser's processes that hold pages, shared parts shared out."""
    session = browser.new_browser_cdp_session()
    processes = session.send("SystemInfo.getProcessInfo")["processInfo"]
    found = []
    for each in processes:
        if each["type"] == "renderer":
            lines = Path(f"/proc/{each['id']}/smaps_rollup").read_text().splitlines()
            found.append(next(int(line.split()[1]) for line in lines if line.startswith("Pss:")) / 1024)
    return max(found)


def measure(name: str, folder: Path) -> list[tuple[str, str, str]]:
    """What was measured, the result and its bound."""
    scenario = Scenario.load(name)
    path = folder / f"{name}.html"
    path.write_text(page_of(scenario, worlds=known_worlds(WORLDS)), "utf-8")
    opened, moves, megabytes, one, over = [], [], 0.0, [1.0], [1.0]
    for visit in range(3):
        with serving.chromium() as browser:
            page = browser.new_page(viewport={"width": 1280, "height": 900})
            page.add_init_script(f"({WATCH})()")
            page.goto(path.as_uri(), wait_until="commit")
            opened.append(drawn(page, 1))
            if visit == 2:
                page.evaluate(LISTEN)
                drawn(page, LATER)
                moves = [moved(page, value, scenario.months) for value in SHIFTS]
                megabytes = memory(browser)
                one, over = page.evaluate(TURNS, PAIRS)
    file, first, lever, settled = BOUNDS[name]
    middle = {field: statistics.median(getattr(each, field) for each in moves) for field in Moved.__dataclass_fields__}
    busy = statistics.median(each.settled / (FACTOR * each.settled_work + CONSTANT) for each in moves)
    return [
        ("the file", f"{path.stat().st_size / 1e6:.2f} MB", f"{file:g} MB"),
        ("opened to first bands", f"{statistics.median(opened):.2f} s", f"{first:g} s"),
        ("lever to first bands (8 runs)", f"{1000 * middle['first']:.0f} ms", f"{1000 * lever:.0f} ms"),
        ("lever to 64 runs", f"{1000 * middle['settled']:.0f} ms", f"{1000 * settled:.0f} ms"),
        ("a person-month in its later blocks", f"{middle['nanoseconds']:.0f} ns", ""),
        (
            "lever to 64 runs, of 1.25 times that work on all workers and 80 ms",
            f"{busy:.2f} of it ({1000 * middle['settled_work']:.0f} ms of work)",
            "1",
        ),
        (
            "64 runs over 64 worlds, of 64 in one world",
            f"{statistics.median(b / a for a, b in zip(one, over, strict=True)):.2f} of it "
            f"({statistics.median(one):.0f} ms)",
            f"{WORLDS_COST:g}",
        ),
        ("memory of the page", f"{megabytes:.0f} MB", f"{MEMORY:.0f} MB"),
    ]


def main() -> None:
    names = sys.argv[1:] or list(BOUNDS)
    text = [
        "# The page in Chromium",
        "",
        f"`make page-speed`, from a file on disk, {WORLDS} worlds beside, {os.cpu_count()} cores of which others had a "
        f"load of {os.getloadavg()[0]:.0f} when it began; medians of three openings, of five positions of a lever and "
        f"of {PAIRS} turns in one world and over worlds. The bounds in seconds are for free cores; ratios are for any "
        "machine.",
        "",
        "| scenario | what | measured | at most |",
        "|---|---|---|---|",
    ]
    with tempfile.TemporaryDirectory() as folder:
        for name in names:
            for what, found, bound in measure(name, Path(folder)):
                print(f"{name:15s} {what:70s} {found:>30s}   {bound}", flush=True)
                text.append(f"| `{name}` | {what} | {found} | {bound} |")
    if not sys.argv[1:]:
        (ROOT / "benchmarks" / "PAGE.md").write_text("\n".join([*text, ""]), "utf-8")


if __name__ == "__main__":
    main()
