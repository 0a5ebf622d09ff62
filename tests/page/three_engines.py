"""The same block on three engines: machine code, WebAssembly under wasmtime, WebAssembly in a browser."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from valign.experiments.bases import imported
from valign.experiments.design import run_seeds, society_seeds
from valign.experiments.simulate import society_from
from valign.model.compiled.engine import CHOICE, MACHINE_CODE, WEBASSEMBLY
from valign.model.compiled.webassembly import UNREAD
from valign.model.ledger.booking import take_flows
from valign.model.run.initial import build
from valign.model.run.month import month_steps, run_months, run_steps
from valign.model.run.start import END, OBSERVE_START
from valign.model.scenario.scenario import Scenario
from valign.model.state.arrays import State
from valign.model.state.scenario_arrays import lower
from valign.page.build import STATIC
from valign.page.image import image

Hashes = dict[str, str]
WASM = Path(__file__).resolve().parents[2] / "model" / "compiled" / "month.wasm"
SEED = 1


@dataclass(frozen=True)
class Case:
    """A scenario and how many runs a block of it has."""

    scenario: Scenario
    width: int
    accounting: bool


@contextmanager
def only(name: str) -> Iterator[None]:
    """Compute in MACHINE_CODE, with NUMBA or in WEBASSEMBLY alone."""
    before, CHOICE.only = CHOICE.only, name
    try:
        yield
    finally:
        CHOICE.only = before


def digest(array: np.ndarray) -> str:
    """All that are no number count the same."""
    array = np.ascontiguousarray(array)
    if array.dtype.kind == "f":
        array = array.copy()
        array.view(np.uint64)[np.isnan(array)] = 0x7FF8000000000000
    return hashlib.sha256(array.tobytes()).hexdigest()[:16]


def hashes(S: State) -> Hashes:
    """Of all arrays of a state but those of the decomposition's months."""
    found = {name: digest(getattr(S, name)) for name, _ in S.headers() if name not in S.views and name != "runs"}
    for name in UNREAD:
        found.pop(name)
    return found


def started(scenario: Scenario, width: int, accounting: bool) -> State:
    """A block before its first month. Raises InputError where the level of alignment cannot be reached."""
    seeds = run_seeds(SEED, 64)
    society = imported(scenario, None) or society_from(scenario, society_seeds(SEED, seeds, 2)[0])
    return build(lower(scenario), society, seeds[:width], accounting=accounting)


def simulated(case: Case) -> Hashes:
    """The final arrays of the block, on the engine at hand."""
    scenario = case.scenario
    S = started(scenario, case.width, case.accounting)
    run_steps(S, OBSERVE_START)
    steps = month_steps(S.switches, case.accounting)
    flows = []
    for t in range(1, scenario.months + 1):
        run_months(S, t, t + 1, steps)
        flows += take_flows(S)
    run_steps(S, END)
    return hashes(S) | ({"flows": digest(np.concatenate([each.view(np.uint64) for each in flows]))} if flows else {})


# What the worker of the page is told to add when a block is done: the hash of every array
_HASHING = """
let latest = null;
const place = Block.prototype.place;
Block.prototype.place = function () { latest = this; return place.call(this); };
const plainPost = self.postMessage.bind(self);
self.postMessage = function (message) {
  if (message.type !== "done") return plainPost(message);
  (async () => {
    const found = {};
    for (const [name, each] of latest.placed) {
      if (each.field.of) continue;
      const copy = memory().buffer.slice(each.at, each.at + each.bytes);
      if (each.field.kind.startsWith("f8")) {
        const view = new DataView(copy), numbers = new Float64Array(copy);
        for (let n = 0; n < numbers.length; n++) {
          if (Number.isNaN(numbers[n])) view.setBigUint64(8 * n, 0x7ff8000000000000n, true);
        }
      }
      const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", copy));
      found[name] = Array.from(digest, (byte) => byte.toString(16).padStart(2, "0")).join("").slice(0, 16);
    }
    plainPost({ ...message, hashes: found });
  })();
};
"""
_ASK = """async ([code, file, text, job]) => {
  const bytes = (each) => Uint8Array.from(atob(each), (letter) => letter.charCodeAt(0));
  const image = bytes(file).buffer, length = new DataView(image).getUint32(8, true);
  const header = JSON.parse(new TextDecoder().decode(new Uint8Array(image, 16, length)));
  const compiled = window.compiled ??= await WebAssembly.compile(bytes(code)); // once: what is optimised stays so
  const worker = new Worker(URL.createObjectURL(new Blob([text], { type: "text/javascript" })));
  const answer = new Promise((resolve) => { worker.onmessage = ({ data }) => resolve(data); });
  worker.onerror = (event) => { throw new Error(event.message); };
  worker.postMessage({ type: "open", compiled, header, data: image.slice(16 + length) });
  worker.postMessage({ type: "job", job });
  const found = await answer;
  worker.terminate();
  return { type: found.type, reason: found.reason, hashes: found.hashes };
}"""


def in_browser(page: Any, case: Case) -> Hashes:
    """The final arrays of the block, in the worker of the page in a browser's `page` (of Playwright)."""
    made = image(case.scenario, societies=2, seed=SEED, runs=64, levers={}, events=(), actions=())
    job = {"id": 0, "key": "", "society": 0, "runs": list(range(case.width)), "writes": [], "worlds": False}
    job["mode"] = "parts" if case.accounting else "bands"
    text = (STATIC / "worker.js").read_text("utf-8") + _HASHING
    code, file = (base64.b64encode(each).decode() for each in (WASM.read_bytes(), made))
    found = page.evaluate(_ASK, [code, file, text, job])
    assert found["type"] == "done", found
    result: Hashes = found["hashes"]
    for name in ("runs", *UNREAD):
        result.pop(name)
    return result


def compared(case: Case, browser_page: Any = None) -> dict[str, list[str]]:
    """Arrays that differ from those of machine code, by engine."""
    with only(MACHINE_CODE):
        expected = simulated(case)
    with only(WEBASSEMBLY):
        found = {"wasmtime": differing(expected, simulated(case))}
    if browser_page is not None:
        expected.pop("flows", None)  # sums by entry are held against outcomes in test_in_browser.py
        found["browser"] = differing(expected, in_browser(browser_page, case))
    return found


def differing(expected: Hashes, found: Hashes) -> list[str]:
    return sorted(name for name in expected.keys() | found.keys() if expected.get(name) != found.get(name))
