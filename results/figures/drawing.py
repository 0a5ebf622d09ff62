"""The figures of a report, drawn and saved: by other processes (helper.py), or here."""

from __future__ import annotations

import gc
import os
import pickle
import sys
from collections.abc import Callable, Collection, Iterable, Sequence
from pathlib import Path

from ..page import Drawn
from ..vocabulary import speaking
from .common import as_files, headed, month_axis, new_figure, note, save
from .helper import DONE, Helper


def save_all(figures: Sequence[Drawn], folder: Path, kept: Collection[str], helper: Helper | None = None) -> None:
    """Draw and save figures.

    kept : names of tables that the folder holds; the data of a figure of such a name are there already.
    helper : draws them; where it fails, they are drawn here.
    """
    if helper is None or not helper.draw(figures, folder, kept):
        _save(figures, folder, kept)


def _save(figures: Iterable[Drawn], folder: Path, kept: Collection[str]) -> None:
    for each in figures:
        save(each.figure(), folder, each.name, None if each.name in kept else each.data)


def _serve() -> None:
    """What the second process does."""
    gc.disable()  # it does not live long
    from . import calibration, claims, diagnosis, network, run, sensitivity  # noqa: F401

    figure, (axes,) = new_figure(1, 2, 2)
    month_axis(axes, "first", 1)
    headed(figure, "first")
    note(figure, "first")
    axes.fill_between([0, 1], [0, 0], [1, 1])
    axes.plot([0, 1], [0, 1])
    as_files(figure)  # loads modules and fonts
    words, figures, folder, kept = pickle.load(sys.stdin.buffer)
    with speaking(words):
        _share(figures, folder, kept)
    sys.stdout.buffer.write(DONE)
    sys.stdout.buffer.flush()


def _share(figures: Sequence[Drawn], folder: Path, kept: Collection[str]) -> None:
    """Draw figures in a process for each core, where processes can be forked; whoever is free takes the next."""
    if sys.platform != "linux":
        return _save(figures, folder, kept)
    left, numbers = os.pipe()
    os.write(numbers, bytes(reversed(range(len(figures)))))  # networks come last in a report and take longest
    os.close(numbers)

    def draw() -> None:
        _save((figures[number[0]] for number in iter(lambda: os.read(left, 1), b"")), folder, kept)

    others = [_forked(draw) for _ in range(min(os.cpu_count() or 1, len(figures)) - 1)]
    draw()
    if any(os.waitpid(each, 0)[1] for each in others):
        raise RuntimeError("a process failed")


def _forked(work: Callable[[], None]) -> int:
    """The number of a child process that does some work and ends, with 0 if all went well."""
    if child := os.fork():
        return child
    failed = 1
    try:
        work()
        failed = 0
    finally:
        os._exit(failed)
