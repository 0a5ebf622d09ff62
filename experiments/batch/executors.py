"""Shards computed by threads, processes or a cluster; the results do not depend on which."""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import signal
import threading
import time
from collections.abc import Callable, Generator
from concurrent.futures import (
    FIRST_COMPLETED,
    BrokenExecutor,
    Executor,
    Future,
    ProcessPoolExecutor,
    ThreadPoolExecutor,
    wait,
)
from dataclasses import dataclass
from typing import Any

from valign.model.errors import InputError

from ..design import whole
from ..simulate import MOST_THREADS
from ..stopping import STOP
from . import shards

BROKEN_POOLS = 3  # so often may a worker process die before the batch gives up


class Stopped(RuntimeError):
    """A batch that could not go on; what is finished is kept."""


@dataclass(frozen=True)
class How:
    """Where shards are computed. The results do not depend on it.

    threads: of this process (default: one a core); workers: processes instead; cluster: address of a Dask scheduler.
    part: (i, n) computes every n-th shard only, from the i-th of 0 … n - 1, and puts nothing together.
    """

    threads: int | None = None
    workers: int | None = None
    cluster: str | None = None
    part: tuple[int, int] | None = None

    def __post_init__(self) -> None:
        for name in ("threads", "workers"):
            if (value := getattr(self, name)) is not None:
                whole(name, value, 1, MOST_THREADS)


def computed(
    job: Callable[[int], shards.ShardJob], numbers: list[int], how: How, say: Callable[[str], None], kept: str
) -> Generator[tuple[int, dict[str, bytes]]]:
    """(number, files) of shards as they are finished, never many more in hand than there are cores.

    job : what computing a shard needs. kept : how to go on, for the message of Stopped.
    """
    broken = 0
    waiting = list(reversed(numbers))
    while waiting:
        under_way: dict[Future[dict[str, bytes]], int] = {}
        with _executor(how) as (executor, parallel):
            try:
                while waiting or under_way:
                    while waiting and len(under_way) < 2 * parallel():
                        number = waiting.pop()
                        under_way[executor.submit(shards.compute, job(number))] = number
                    finished, _ = wait(under_way, timeout=0.5, return_when=FIRST_COMPLETED)
                    for future in finished:
                        files = future.result()
                        yield under_way.pop(future), files
            except KeyboardInterrupt:
                STOP.set()
                for future in under_way:
                    future.cancel()
                wait([future for future in under_way if not future.cancelled()], timeout=60)
                for future, number in under_way.items():
                    if future.done() and not future.cancelled() and future.exception() is None:
                        yield number, future.result()
                raise
            except BrokenExecutor:
                broken += 1
                if broken >= BROKEN_POOLS:
                    raise Stopped(f"worker processes died {broken} times (out of memory?); {kept}") from None
                say("a worker process died; its shards are computed again")
                waiting += under_way.values()


@contextlib.contextmanager
def _executor(how: How) -> Generator[tuple[Executor, Callable[[], int]]]:
    """An executor, and how many shards it computes at a time."""
    if how.cluster is not None:
        with _dask(how.cluster) as found:
            yield found
    elif how.workers is not None:
        pool = ProcessPoolExecutor(how.workers, multiprocessing.get_context("spawn"), _begin_worker)
        try:
            yield pool, lambda: how.workers or 1
        finally:
            pool.shutdown(wait=False, cancel_futures=True)
            if STOP.is_set():
                for process in multiprocessing.active_children():
                    process.terminate()
    else:
        threads = how.threads or os.cpu_count() or 1
        pool = ThreadPoolExecutor(threads)
        try:
            yield pool, lambda: threads
        finally:
            pool.shutdown(cancel_futures=True)


def _begin_worker() -> None:
    """A worker leaves Ctrl-C to its parent, and goes when the parent is gone."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    parent = multiprocessing.parent_process()

    def outlived() -> None:
        if parent is not None:
            parent.join()
            os._exit(1)

    threading.Thread(target=outlived, daemon=True).start()


@contextlib.contextmanager
def _dask(address: str) -> Generator[tuple[Executor, Callable[[], int]]]:
    try:
        from distributed import Client
    except ImportError:
        raise InputError(["--cluster needs Dask: pip install 'valign[cluster]'"]) from None
    try:
        client: Any = Client(address, timeout=10, set_as_default=False)
    except (OSError, ValueError, TypeError, RuntimeError) as error:  # the last two: TLS without certificates
        raise InputError([f"no Dask scheduler answers at {address}: {str(error).splitlines()[0]}"]) from None

    def parallel() -> int:
        return max(1, sum(client.nthreads().values()))

    try:
        begun = time.monotonic()
        while not client.nthreads():
            if time.monotonic() - begun > 60:
                raise InputError([f"the scheduler at {address} has no workers"])
            time.sleep(0.2)
        yield client.get_executor(pure=False, retries=5), parallel
    finally:
        client.close()
