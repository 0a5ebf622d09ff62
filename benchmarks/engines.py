"""WebAssembly beside machine code for the same vectors: `make engines` writes benchmarks/ENGINES.md.

The same blocks on one core, in turns, in seconds of CPU: machine code for a plain x86-64 (vectors of 128 bits, no
features of the processor), WebAssembly under wasmtime and in Chromium, and machine code for the processor at hand. The
first time it compiles for the plain processor, into a folder of its own: some minutes.
"""

from __future__ import annotations

import base64
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tests"))

import serving  # noqa: E402

from tests.page.three_engines import SEED, WASM, only, started  # noqa: E402
from valign.model.compiled.compiling import user_cache_folder  # noqa: E402
from valign.model.compiled.engine import MACHINE_CODE, WEBASSEMBLY  # noqa: E402
from valign.model.run.month import month_steps, run_months  # noqa: E402
from valign.model.scenario.scenario import Scenario  # noqa: E402
from valign.page.build import STATIC  # noqa: E402
from valign.page.image import image  # noqa: E402

WIDTH, TURNS = 16, 7
BLOCKS = {"two-services": 12, "housing-first": 1}  # in a turn
PLAIN = {"NUMBA_CPU_NAME": "generic", "NUMBA_CPU_FEATURES": ""}
BOUNDS = {"wasmtime": 1.3, "Chromium": 1.5}
OPEN = """async ([code, file, text]) => {
  const bytes = (each) => Uint8Array.from(atob(each), (letter) => letter.charCodeAt(0));
  const data = bytes(file).buffer, length = new DataView(data).getUint32(8, true);
  const header = JSON.parse(new TextDecoder().decode(new Uint8Array(data, 16, length)));
  const compiled = await WebAssembly.compile(bytes(code));
  window.worker = new Worker(URL.createObjectURL(new Blob([text], { type: "text/javascript" })));
  window.worker.postMessage({ type: "open", compiled, header, data: data.slice(16 + length) });
}"""
BLOCK = """(job) => new Promise((resolve) => {
  window.worker.onmessage = ({ data }) => resolve(data.type);
  window.worker.postMessage({ type: "job", job });
})"""


def seconds(scenario: Scenario) -> float:
    """CPU time of all months of some blocks, on the engine at hand."""
    return sum(_block(scenario) for _ in range(BLOCKS[scenario.name]))


def _block(scenario: Scenario) -> float:
    S = started(scenario, WIDTH, False)
    steps = month_steps(S.switches, False)
    begun = time.process_time()
    run_months(S, 1, scenario.months + 1, steps)
    return time.process_time() - begun


def answer(engine: str) -> None:
    """As a process of its own: the seconds of a block for each name of a scenario that arrives."""
    with only(engine):
        for line in sys.stdin:
            print(seconds(Scenario.load(line.strip())), flush=True)


def process(engine: str, environment: dict[str, str]) -> Callable[[str], float]:
    command = [sys.executable, "-m", "benchmarks.engines", engine]
    made = subprocess.Popen(
        command,
        cwd=ROOT,
        env={**os.environ, **environment},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        bufsize=1,
    )
    assert made.stdin is not None
    assert made.stdout is not None
    asked, told = made.stdin, made.stdout

    def ask(name: str) -> float:
        asked.write(f"{name}\n")
        return float(told.readline())

    return ask


def in_chromium(browser: Any, name: str) -> Callable[[str], float]:
    """The same in the worker of the page; the start of the block is counted too, a hundredth."""
    page = browser.new_page()
    made = image(Scenario.load(name), societies=2, seed=SEED, runs=64, levers={}, events=(), actions=())
    code, file = (base64.b64encode(each).decode() for each in (WASM.read_bytes(), made))
    page.evaluate(OPEN, [code, file, (STATIC / "worker.js").read_text("utf-8")])
    job = {"id": 0, "key": "", "society": 0, "runs": list(range(WIDTH)), "writes": [], "worlds": False, "mode": "bands"}
    session = browser.new_browser_cdp_session()

    def ask(_: str) -> float:
        begun = cpu_seconds(session)
        for _ in range(BLOCKS[name]):
            assert page.evaluate(BLOCK, job) == "done"
        return cpu_seconds(session) - begun

    return ask


def cpu_seconds(session: Any) -> float:
    """Of all pages of the browser, so far."""
    pages = [
        each["id"] for each in session.send("SystemInfo.getProcessInfo")["processInfo"] if each["type"] == "renderer"
    ]
    found = [
        thread.read_text().split()[0] for each in pages for thread in Path(f"/proc/{each}/task").glob("*/schedstat")
    ]
    return sum(map(int, found)) / 1e9


def measure(name: str, machine: dict[str, Callable[[str], float]]) -> dict[str, list[float]]:
    """Nanoseconds for a person and a month, by engine, turn by turn."""
    scenario = Scenario.load(name)
    person_months = scenario.people() * scenario.months * WIDTH * BLOCKS[name]
    with serving.chromium() as browser:
        engines = {**machine, "Chromium": in_chromium(browser, name)}
        for _ in range(3):  # what is optimised while it runs
            for ask in engines.values():
                ask(name)
        return {
            engine: [found / person_months * 1e9 for found in each]
            for engine, each in zip(
                engines, zip(*([ask(name) for ask in engines.values()] for _ in range(TURNS)), strict=True), strict=True
            )
        }


def main() -> None:
    if len(sys.argv) > 1:
        return answer(sys.argv[1])
    cache = user_cache_folder() / "plain"
    compiling = [sys.executable, "-m", "valign.cli.app", "doctor", "--compile", "--quiet"]
    subprocess.run(compiling, cwd=ROOT, env={**os.environ, **PLAIN, "VALIGN_CACHE": str(cache)}, check=True)
    machine = {
        "plain machine code": process(MACHINE_CODE, {**PLAIN, "VALIGN_CACHE": str(cache)}),
        "wasmtime": process(WEBASSEMBLY, {}),
        "machine code for this processor": process(MACHINE_CODE, {}),
    }
    text = [
        "# WebAssembly beside machine code",
        "",
        f"`make engines`: nanoseconds of one core for a person and a month, {WIDTH} runs at once, medians of {TURNS} "
        "turns; ratios are within turns. Plain machine code has the vectors of WebAssembly: 128 bits, no features of "
        "the processor.",
        "",
        "| scenario | engine | ns | times plain machine code | at most |",
        "|---|---|---|---|---|",
    ]
    for name in BLOCKS:
        found = measure(name, machine)
        plain = found["plain machine code"]
        for engine, each in found.items():
            ratio = statistics.median(a / b for a, b in zip(each, plain, strict=True))
            bound = f"{BOUNDS[engine]:g}" if engine in BOUNDS else ""
            text.append(f"| `{name}` | {engine} | {statistics.median(each):.0f} | {ratio:.2f} | {bound} |")
            print(text[-1], flush=True)
    (ROOT / "benchmarks" / "ENGINES.md").write_text("\n".join([*text, ""]), "utf-8")


if __name__ == "__main__":
    main()
