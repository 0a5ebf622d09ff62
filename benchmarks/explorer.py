"""How fast the explorer answers, in a real browser: `python -m benchmarks.explorer` (needs `[web]` and Playwright).

From the release of a slider to bands that are drawn anew, and what of that the parts take by themselves: simulating
(all processors), tables and drawing. On a machine that does other work, look at the ratio to "simulating", not at the
time; processor time over the number of processors is what a machine that does nothing else takes at least.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from tests.serving import Server, arrived, chromium, explorer
from valign.explorer import words
from valign.explorer.state import Settings
from valign.explorer.work import Question, ensemble

CASES = {
    "two-services": (Settings("two-services", months=60), 200, 400),
    "housing-first": (Settings("housing-first"), 800, None),
}  # settings; bounds of median and 95th percentile, ms

LEVER = "coproduction_intensity"

# A key moves the slider when it goes down; the new value is sent when it comes up.
MEASURE = """() => {
  const line = () => document.querySelector('.grid svg polyline')?.getAttribute('points');
  const before = line();
  let begun, first;
  window.redrawn = new Promise((resolve, reject) => {
    setTimeout(() => reject(new Error('nothing was drawn anew')), 60000);
    const look = () => {
      if (begun === undefined) return;
      if (first === undefined && line() !== before) first = performance.now() - begun;
      if (first !== undefined && / in \\d+ ms/.test(document.querySelector('.status').textContent)) {
        watcher.disconnect();
        requestAnimationFrame(() => resolve([first, performance.now() - begun]));
      }
    };
    const watcher = new MutationObserver(look);
    watcher.observe(document.body, {subtree: true, childList: true, attributes: true, characterData: true});
  });
  addEventListener('keyup', () => { begun = performance.now(); }, {capture: true, once: true});
}"""


def ms(action: Callable[[int], object], repeats: int = 5) -> float:
    """Median time of a call, ms."""
    taken = []
    for n in range(repeats):
        begun = time.perf_counter()
        action(n)
        taken.append(time.perf_counter() - begun)
    return 1000 * statistics.median(taken)


def parts(settings: Settings) -> dict[str, float]:
    """What the work takes in this process, ms: an ensemble, the first figure, everything that is drawn later."""

    def asked(n: int) -> object:
        return asyncio.run(ensemble(Question(settings.with_parameter(LEVER, 0.2 + 0.01 * n))))

    found = asyncio.run(ensemble(Question(settings)))
    return {
        "simulating": ms(asked),
        "first figures": ms(lambda _: words.uptake(found)),
        "the rest of the page": ms(lambda _: (words.behind(found), words.cards(found), words.told(found))),
    }


def redrawn(browser: object, server: Server, settings: Settings, moves: int) -> tuple[np.ndarray, float, int, float]:
    """First and last bands of each move [moves x 2], s of the page until bands, bytes and server's CPU ms per move."""
    from valign.explorer.state import encode

    page, received = browser.new_page(viewport={"width": 1280, "height": 800}), [0]
    page.on(
        "websocket",
        lambda socket: socket.on("framereceived", lambda data: received.__setitem__(0, received[0] + len(data))),
    )
    page.set_default_timeout(120_000)
    begun = time.perf_counter()
    page.goto(f"{server.address}?{encode(settings)}")
    page.locator(".grid svg polyline").first.wait_for()
    opened = time.perf_counter() - begun
    arrived(page)
    page.locator(f".lever-{LEVER}").first.focus()
    page.wait_for_timeout(500)
    taken, received[0], spent = [], 0, server.cpu()
    for n in range(moves):
        page.evaluate(MEASURE)
        page.keyboard.press("ArrowRight" if n % 20 < 10 else "ArrowLeft")
        taken.append(page.evaluate("() => window.redrawn"))
        page.wait_for_timeout(150)  # a person looks before moving on; the rest of the page arrives
    spent = 1000 * (server.cpu() - spent) / moves
    page.close()
    return np.array(taken), opened, received[0] // moves, spent


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--moves", type=int, default=40)
    moves = options.parse_args().moves
    print(f"{os.cpu_count()} processors, load {os.getloadavg()[0]:.1f} before")
    alone = {name: parts(settings) for name, (settings, _, _) in CASES.items()}
    with tempfile.TemporaryDirectory() as folder, explorer(Path(folder)) as server, chromium() as browser:
        redrawn(browser, server, Settings(), 2)  # the browser's own cache
        for name, (settings, median, late) in CASES.items():
            taken, opened, size, spent = redrawn(browser, server, settings, moves)
            first, whole = taken.T
            print(
                f"\n{name}: {len(taken)} moves of a slider, {size / 1000:.0f} kB to the browser and {spent:.0f} ms "
                f"of processor time on the server for each"
            )
            print(f"  first page, until bands are drawn: {opened:.2f} s (bound: 2 s)")
            for what, times in (("release to redrawn bands", first), ("release to all runs drawn", whole)):
                bound = f" (bounds: {median}, {late or '-'})" if times is first else ""
                middle, most = np.median(times), np.quantile(times, 0.95)
                print(
                    f"  {what}: median {middle:.0f} ms, 95th percentile {most:.0f} ms{bound}; "
                    f"{middle / alone[name]['simulating']:.2f} of simulating all runs"
                )
            apart = ", ".join(f"{what} {each:.0f} ms" for what, each in alone[name].items())
            print(f"  by themselves: {apart}")
    print(f"\nload {os.getloadavg()[0]:.1f} after")


if __name__ == "__main__":
    main()
