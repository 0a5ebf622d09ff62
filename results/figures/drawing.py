"""The figures of a report, drawn and saved: by other processes, which load ahead what that takes, or here."""

from __future__ import annotations

import contextlib
import gc
import os
import pickle
import signal
import subprocess
import sys
from collections.abc import Callable, Collection, Generator, Iterable, Sequence
from pathlib import Path

from ..page import Drawn
from ..vocabulary import speaking, spoken
from .common import as_files, month_axis, new_figure, save

DONE = b"."


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


class Helper:
    """A second process, which loads what drawing takes, waits for figures and draws them. It ends with this process."""

    def __init__(self) -> None:
        path = os.pathsep.join(filter(None, sys.path))
        self.process = subprocess.Popen(
            [sys.executable, "-P", "-c", f"from {__name__} import _serve; _serve()"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            start_new_session=True,  # Ctrl-C is for this process
            env={**os.environ, "PYTHONPATH": path, "OPENBLAS_NUM_THREADS": "1"},  # whose threads wait busily
        )

    def draw(self, figures: Sequence[Drawn], folder: Path, kept: Collection[str]) -> bool:
        """Whether it has drawn and saved them all."""
        to, back = self.process.stdin, self.process.stdout
        assert to is not None
        assert back is not None
        try:
            to.write(pickle.dumps((spoken(), list(figures), folder.absolute(), set(kept))))
            to.flush()
            drawn = back.read(len(DONE)) == DONE
        except OSError:  # it is gone
            drawn = False
        if not drawn:
            self.end()  # so that nobody else writes these files
        return drawn

    def end(self) -> None:
        """End the process, and those that it has made."""
        if self.process.returncode is not None:
            return
        with contextlib.suppress(OSError):  # it has ended by itself
            if sys.platform == "win32":
                self.process.kill()
            else:
                os.killpg(self.process.pid, signal.SIGKILL)
        with contextlib.suppress(BrokenPipeError), self.process:  # closes the pipes, and waits
            pass


@contextlib.contextmanager
def helped() -> Generator[Helper | None]:
    """A helper, where it pays: on several cores, unless this process has loaded already what drawing takes."""
    helper = None
    if "matplotlib.figure" not in sys.modules and (os.cpu_count() or 1) > 1:
        with contextlib.suppress(OSError):
            helper = Helper()
    try:
        yield helper
    finally:
        if helper is not None:
            helper.end()


def _serve() -> None:
    """What the second process does."""
    gc.disable()  # it does not live long
    from . import calibration, claims, diagnosis, network, run, sensitivity  # noqa: F401

    figure, (axes,) = new_figure(1, 2, 2)
    month_axis(axes, "first", 1)
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
