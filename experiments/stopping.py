"""Ending early: a flag that runs under way look at a few times a second."""

from __future__ import annotations

import os
import signal
import sys
import threading

STOP = threading.Event()


def stop_on_signals() -> None:
    """Let Ctrl-C and SIGTERM end the runs under way and then the command; a second one ends it at once."""

    def stop(number: int, _: object) -> None:
        if STOP.is_set():
            os._exit(128 + number)
        STOP.set()
        print("valign: stopping; the months under way end first (once more leaves at once)", file=sys.stderr)
        raise KeyboardInterrupt

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, stop)
