"""`compiled`: Numba's njit with the settings every kernel of the model shares.

No fast-math (results must not depend on the machine). Numba's cache looks only at the file of the cached
function, so the cache folder's name carries a hash of all sources of `model/`: edit a mechanism and the
month that calls it is compiled anew.
"""

from __future__ import annotations

import hashlib
import os
import sys
import tempfile
from collections.abc import Callable, Mapping
from functools import cached_property, update_wrapper
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np

SOURCES = Path(__file__).resolve().parents[1]


def sources_hash(folder: Path = SOURCES) -> str:
    """Hash of all sources under `folder`, names included."""
    digest = hashlib.blake2b(digest_size=8)
    for path in sorted(each for each in folder.rglob("*") if each.suffix in (".py", ".ll")):
        digest.update(path.relative_to(folder).as_posix().encode() + b"\0" + path.read_bytes() + b"\0")
    return digest.hexdigest()


def user_cache_folder() -> Path:
    """Where compiled code is kept: $VALIGN_CACHE, else the platform's cache folder."""
    if "VALIGN_CACHE" in os.environ:
        return Path(os.environ["VALIGN_CACHE"])
    if sys.platform == "win32":
        return Path(os.environ.get("LOCALAPPDATA", Path.home())) / "valign"
    return Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "valign"


def _writable_cache() -> str | None:
    folder = user_cache_folder() / f"kernels-{sources_hash()}"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            return str(folder)
    except OSError:
        print(
            f"valign: {folder} is not writable, so compiled code is not kept between runs "
            "(set VALIGN_CACHE to a folder you can write to)",
            file=sys.stderr,
        )
        return None


COMPILED = os.environ.get("NUMBA_DISABLE_JIT", "0") in ("", "0")
CACHE = _writable_cache() if COMPILED else None


def compiler() -> Any:
    """Numba's side of kernels and the state, which stands above them and is loaded when something is compiled."""
    return import_module(".numba_handle", __package__)


class Kernel:
    """A function that Numba compiles when it is first called: it is not loaded to run what is kept (machine_code.py)."""

    def __init__(self, function: Callable[..., Any], options: Mapping[str, Any]) -> None:
        self.py_func, self.options = function, options
        update_wrapper(self, function)

    @cached_property
    def dispatcher(self) -> Any:
        """What Numba made of it, for each kind of arguments."""
        return compiler().dispatcher(self.py_func, CACHE, **self.options)

    @property
    def overloads(self) -> Any:
        """Results of compilation by the types of arguments."""
        return self.dispatcher.overloads

    def compile(self, types: tuple[Any, ...]) -> Any:
        """Compile for such arguments."""
        return self.dispatcher.compile(types)

    @property
    def _numba_type_(self) -> Any:  # what Numba asks a value for that it does not know
        return compiler().type_of_kernel(self)

    def __call__(self, *arguments: Any) -> Any:
        return self.dispatcher(*arguments)


def _decorate(function: Callable[..., Any], **options: Any) -> Callable[..., Any]:
    return Kernel(function, options) if COMPILED else function


def compiled(function: Callable[..., Any]) -> Callable[..., Any]:
    """Compile `function` on its first call; release the interpreter lock; keep the code on disk."""
    return _decorate(function)


def inlined(function: Callable[..., Any]) -> Callable[..., Any]:
    """As `compiled`, and always built into the loops that call it, which are vectorised only then."""
    return _decorate(function, forceinline=True)


IN_PARTS: set[Callable[..., Any]] = set()


def in_parts(function: Callable[..., Any]) -> Callable[..., Any]:
    """As `compiled`, of a step that keeps to `S.span`: several parts of a society may take it at once (run/parts.py).

    It writes rows of its own part alone, and reads of others only what no part writes in it.
    """
    step = compiled(function)
    IN_PARTS.add(step)
    return step


@inlined
def people_in(S):
    """Rows of the people of this part."""
    return range(S.span[0], S.span[1])


@inlined
def services_in(S):
    """Rows of its services."""
    return range(S.span[2], S.span[3])


@inlined
def groups_in(S):
    """Its services and, in the last part, all commissioners together behind the last service."""
    return range(S.span[2], S.span[4])


@inlined
def row_number(n):
    """n, which is not negative: said so that compiled code need not ask whether a row is counted from the end."""
    return n & 0x7FFF_FFFF_FFFF_FFFF


@inlined
def ties_of(S, i):
    """Ends of ties at person i: rows of `neighbour` and `tie_of`. Not negative, as those are, and so without a sign."""
    return range(np.uint64(S.tie_start[i]), np.uint64(S.tie_start[i + 1]))


@inlined
def of_people(S, array):
    """The rows of an array that belong to people of this part."""
    return array[S.span[0] : S.span[1]]


@inlined
def of_services(S, array):
    """The rows of an array that belong to its services."""
    return array[S.span[2] : S.span[3]]


@compiled
def fill(array, value):
    """Set every element. (Slice assignment compiles to far more code.)"""
    flat = array.ravel()
    for n in range(flat.size):
        flat[n] = value


@compiled
def copy(source, target):
    """Copy all elements of an array to another of the same shape."""
    a, b = source.ravel(), target.ravel()
    for n in range(a.size):
        b[n] = a[n]


def row(runs):
    """A row of numbers, one a run. With a single run it is one number on the stack, so that sums stay in a register."""
    return np.empty(len(runs))
