"""A second process that draws the figures of a command, and loads what that takes from the command's first moment on.

Nothing is imported here that takes long.
"""

from __future__ import annotations

import contextlib
import os
import pickle
import signal
import subprocess
import sys
from collections.abc import Collection, Generator, Sequence
from contextvars import ContextVar
from pathlib import Path
from typing import TYPE_CHECKING

from ..vocabulary import spoken

if TYPE_CHECKING:
    from ..page import Drawn

DONE = b"."


class Helper:
    """A second process, which loads what drawing takes, waits for figures and draws them. It ends with this process."""

    def __init__(self) -> None:
        path = os.pathsep.join(filter(None, sys.path))
        self.process = subprocess.Popen(
            [sys.executable, "-P", "-c", "from valign.results.figures.drawing import _serve; _serve()"],
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


HELPER: ContextVar[Helper | None] = ContextVar("helper", default=None)


@contextlib.contextmanager
def helped() -> Generator[None]:
    """`HELPER` is there, where it pays: on several cores, unless this process has loaded already what drawing takes."""
    helper = None
    if "matplotlib.figure" not in sys.modules and (os.cpu_count() or 1) > 1:
        with contextlib.suppress(OSError):
            helper = Helper()
    before = HELPER.set(helper)
    try:
        yield
    finally:
        HELPER.reset(before)
        if helper is not None:
            helper.end()
