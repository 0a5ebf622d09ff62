"""Ending early: a flag that runs under way look at a few times a second."""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Generator
from concurrent.futures import Executor
from contextlib import contextmanager

STOP = threading.Event()


@contextmanager
def stopped_together(pool: Executor) -> Generator[None]:
    """When what waits for the pool fails, nothing new begins; on Ctrl-C, what is under way ends within the month too.

    The flag is down again when the pool is empty: runs that are asked for later are not stopped.
    """
    try:
        yield
    except KeyboardInterrupt:
        STOP.set()
        try:
            pool.shutdown(cancel_futures=True)
        finally:
            STOP.clear()
        raise
    except BaseException:
        pool.shutdown(cancel_futures=True)
        raise


def stop_on_signals() -> None:
    """Let Ctrl-C and SIGTERM end the runs under way and then the command; a second one ends it at once."""

    def stop(number: int, _: object) -> None:
        if STOP.is_set():
            os._exit(128 + number)
        STOP.set()
        print("valign: stopping after the months under way (Ctrl-C again leaves at once)", file=sys.stderr)
        raise KeyboardInterrupt

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, stop)
