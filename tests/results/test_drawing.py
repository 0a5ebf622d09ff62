"""Figures drawn by other processes are those that this one would draw; none is missing where those processes fail."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure

from valign.results.figures import drawing
from valign.results.figures.ensembles import observed_figure, run_figure
from valign.results.figures.run import stages_figure
from valign.results.page import Drawn
from valign.results.summaries import curve_summaries
from valign.results.vocabulary import SERVICE_STAGES, Vocabulary, speaking


def page() -> list[Drawn]:
    rng, t = np.random.default_rng(5), np.arange(25)[:, None]
    share = np.clip(t / 24 + 0.1 * rng.random(20), 0, 1)
    pairs = [("all", "engaged"), ("all", "ever_engaged"), ("service", "in_use"), ("staff", "alignment")]
    pairs += [("service", stage) for stage in SERVICE_STAGES]
    curves = curve_summaries({pair: share / (1 + n) for n, pair in enumerate(pairs)})
    observed = pd.DataFrame({"month": range(1, 18), "share": np.linspace(0.08, 0.87, 17)})
    return [
        Drawn("run", partial(run_figure, curves, "A run", 20), "", curves),
        Drawn("stages", partial(stages_figure, curves, "Stages", 20), "", curves),
        Drawn("observed", partial(observed_figure, curves, observed, "Observed", 20), "", observed),
    ]


def files(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


ALL = {f"{name}.{suffix}" for name in ("run", "stages", "observed") for suffix in ("svg", "png", "csv")}


@pytest.fixture
def helper() -> Iterator[drawing.Helper]:
    found = drawing.Helper()
    yield found
    found.end()


def test_other_processes_draw_the_same(tmp_path: Path, helper: drawing.Helper) -> None:
    """With the words that are spoken here; what the folder holds already is not written again."""
    own = Vocabulary.of({"series": {"engaged": {"label": "people who take part"}}})
    drawing.save_all(page(), tmp_path / "usual", {"run"})
    with speaking(own):
        drawing.save_all(page(), tmp_path / "here", {"run"})
        assert helper.draw(page(), tmp_path / "there", {"run"})
    here = files(tmp_path / "here")
    assert files(tmp_path / "there") == here
    assert set(here) == ALL - {"run.csv"}
    assert files(tmp_path / "usual")["run.svg"] != here["run.svg"]


def only_in(process: int, figure: Callable[[], Figure]) -> Figure:
    if os.getpid() != process:
        raise OSError("no space left")
    return figure()


@pytest.mark.parametrize("why", ["it has gone", "it cannot draw a figure"])
def test_what_other_processes_fail_to_draw_is_drawn_here(why: str, tmp_path: Path, helper: drawing.Helper) -> None:
    figures = page()
    drawing.save_all(figures, tmp_path / "here", ())
    if why == "it has gone":
        helper.process.kill()
    else:
        figures[1] = replace(figures[1], figure=partial(only_in, os.getpid(), figures[1].figure))
    drawing.save_all(figures, tmp_path / "there", (), helper)
    assert files(tmp_path / "there") == files(tmp_path / "here")
    assert set(files(tmp_path / "here")) == ALL


def test_an_error_is_that_of_this_process(tmp_path: Path, helper: drawing.Helper) -> None:
    (tmp_path / "out").write_text("a file")
    with pytest.raises(FileExistsError):
        drawing.save_all(page(), tmp_path / "out", (), helper)


def test_whoever_waits_for_figures_ends_when_nobody_can_send_any(root: Path) -> None:
    code = "from valign.results.figures.drawing import _serve; _serve()"
    done = subprocess.run(
        [sys.executable, "-c", code],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        env={**os.environ, "PYTHONPATH": str(root)},
        timeout=120,
        check=False,
    )
    assert done.stdout == b""
    assert done.stderr.splitlines()[-1].startswith(b"EOFError")


def test_a_helper_is_had_where_it_pays(root: Path) -> None:
    ask = "import os; os.cpu_count = lambda: {cores}; from valign.results.figures.helper import HELPER, helped\n"
    ask += "{first}\nwith helped(): print(HELPER.get() is not None)"
    for cores, first, expected in ((2, "", "True"), (1, "", "False"), (2, "import matplotlib.figure", "False")):
        done = subprocess.run(
            [sys.executable, "-c", ask.format(cores=cores, first=first)],
            capture_output=True,
            text=True,
            env={**os.environ, "PYTHONPATH": str(root)},
            timeout=120,
            check=True,
        )
        assert done.stdout.strip() == expected
