"""What survives a kill: whole files, checksums, finished parts of long work, and a folder that one process holds.

Every command that writes results uses these four. Nothing here knows a model: the hash of its code is part of the work
that is handed in, as are the errors with which a caller refuses a folder.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import io
import json
import os
import socket
import time
import warnings
from collections.abc import Callable, Generator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

try:
    import fcntl
except ImportError:  # Windows: a lock is then a file that only its holder, or the user, removes
    fcntl = None

Arrays = Mapping[str, Any]
Say = Callable[[str], None]
LOCK, WORK, PARTIAL = ".lock", "work.json", ".part"
MARK = b"valign-part 1"  # how the file of a part begins; the number changes with what a part holds
POLL, PATIENCE = 0.2, 1.0  # seconds between looks at a lock, and before anything is said of waiting
FAILURES = (errno.ENOSPC, errno.EDQUOT, errno.EIO, errno.EROFS, errno.EMFILE, errno.ENFILE)


class StoreError(ValueError):
    """A folder of results that cannot be written or read; the message says which and why."""


class Unwritten(StoreError):
    """What the machine is to blame for: a full disk, a broken one."""


class DamageWarning(UserWarning):
    """Something on disk that cannot be used, and what is done instead; the command line prints it."""


def warn(text: str) -> None:
    """Tell whoever has no better place for a remark."""
    warnings.warn(text, DamageWarning, stacklevel=2)


def cannot_write(folder: Path, error: OSError, refused: Callable[[str], Exception] = StoreError) -> Exception:
    """The error as one for users: `Unwritten` where the machine failed, else what `refused` makes of the sentence."""
    failed = error.errno in FAILURES
    reason = os.strerror(error.errno) if failed and error.errno else error.strerror or error  # pyarrow's text is longer
    return (Unwritten if failed else refused)(f"cannot write to {folder}: {reason}")


# --- files and what they hold ----------------------------------------------------------------------------------------
def replace(path: Path, content: bytes | Callable[[Path], object]) -> None:
    """Write a file (its bytes, or what writes it to a path) so that it is there as a whole or not at all."""
    partial = path.with_name(f"{path.name}.{os.getpid()}{PARTIAL}")
    try:
        if isinstance(content, bytes):
            partial.write_bytes(content)
        else:
            content(partial)
        _to_disk(partial)
        os.replace(partial, path)
        if os.name != "nt":  # which cannot open a folder
            _to_disk(path.parent)
    except BaseException:
        with contextlib.suppress(OSError):
            partial.unlink()
        raise


def _to_disk(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY if path.is_dir() else os.O_RDWR)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def checksum(path: Path) -> str:
    """SHA-256 of a file, as `sha256sum` prints it."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def content_hash(*contents: bytes) -> str:
    """Hash of some bytes, one after the other."""
    digest = hashlib.blake2b(digest_size=16)
    for each in contents:
        digest.update(len(each).to_bytes(8, "little") + each)
    return digest.hexdigest()


def work_hash(work: Mapping[str, Any]) -> str:
    """Eight hex digits that stand for a piece of work."""
    text = json.dumps(work, sort_keys=True, ensure_ascii=False, default=str)
    return hashlib.blake2b(text.encode(), digest_size=4).hexdigest()


def differing(found: Mapping[str, Any], asked: Mapping[str, Any]) -> str:
    """In what two pieces of work differ, for a message."""
    return ", ".join(sorted(key for key in {*found, *asked} if found.get(key) != asked.get(key))) or "format"


def discard_if_empty(folder: Path) -> None:
    """Leave no empty folder behind when nothing came of it."""
    with contextlib.suppress(OSError):
        folder.rmdir()


# --- parts -----------------------------------------------------------------------------------------------------------
class Parts:
    """Finished parts of a long computation by name: asked for again, they are read instead of computed.

    A part is there as a whole or not at all. One that is damaged, empty, of other work or of another version of valign
    is named, removed and made again.

    folder : where they are kept (None: nowhere; every part is made). work : all that they depend on; a folder of other
    work is refused, never overwritten. what : how messages call the work. refused : the error for that.
    say : called with remarks.
    """

    def __init__(
        self,
        folder: str | Path | None = None,
        work: Mapping[str, Any] | None = None,
        what: str = "piece of work",
        refused: Callable[[str], Exception] = StoreError,
        say: Say = warn,
    ) -> None:
        self.folder = None if folder is None else Path(folder)
        self.work = json.loads(json.dumps(dict(work or {}), default=str))
        self.key, self.refused, self.say = work_hash(self.work), refused, say
        self.begun = False  # the folder is made when there is a part to be kept
        if self.folder is None:
            return
        try:
            found = self._begun_with(self.folder / WORK)
        except OSError as error:
            raise cannot_write(self.folder, error, refused) from None
        if found is not None and found != self.work:
            raise refused(
                f"{self.folder} holds another {what} (it differs in: {differing(found, self.work)}); nothing is "
                "overwritten: choose another folder or remove this one"
            )

    def _begun_with(self, path: Path) -> dict[str, Any] | None:
        """The work that the folder was begun with; None where there is none yet."""
        try:
            written = json.loads(path.read_bytes())
            if work_hash(written["work"]) == written["hash"]:
                self.begun = True
                return written["work"]
        except FileNotFoundError:
            return None
        except (ValueError, TypeError, KeyError, AttributeError):
            pass
        self.say(f"{path} is damaged, or of another version of valign: it is written again")
        self._begin()
        return self.work

    def _begin(self) -> None:
        assert self.folder is not None
        self.folder.mkdir(parents=True, exist_ok=True)
        text = json.dumps({"hash": self.key, "work": self.work}, indent=1, ensure_ascii=False)
        replace(self.folder / WORK, text.encode())
        self.begun = True

    def path(self, name: str) -> Path:
        """The file of a part."""
        assert self.folder is not None
        return self.folder / f"{name}.kept"

    def __contains__(self, name: str) -> bool:
        return self.read(name) is not None

    def read(self, name: str) -> bytes | None:
        """What a part holds, or None where it is not there, or cannot be used and was removed."""
        if self.folder is None:
            return None
        path = self.path(name)
        try:
            head, _, content = path.read_bytes().partition(b"\n")
        except FileNotFoundError:
            return None
        except OSError as error:
            head, content, why = b"", b"", f"damaged ({error.strerror})"
        else:
            why = "damaged (it does not match its checksum)"
        if head == self._head(name, content):
            return content
        if head.startswith(MARK + b" "):
            why = why if head.split()[2:3] == [self.key.encode()] else "of other work"
        elif head:
            why = "damaged, or was written by another version of valign"
        self.say(f"{path} is {why}: it is computed again")
        with contextlib.suppress(OSError):
            path.unlink()
        return None

    def write(self, name: str, content: bytes) -> None:
        """Keep a part."""
        if self.folder is None:
            return
        try:
            if not self.begun:
                self._begin()
            replace(self.path(name), self._head(name, content) + b"\n" + content)
        except OSError as error:
            raise cannot_write(self.folder, error, self.refused) from None

    def _head(self, name: str, content: bytes) -> bytes:
        key = self.key.encode()
        return b" ".join((MARK, key, content_hash(key, name.encode(), content).encode()))

    def arrays(self, name: str) -> dict[str, np.ndarray] | None:
        """A part that is a few arrays, or None."""
        content = self.read(name)
        if content is None:
            return None
        with np.load(io.BytesIO(content), allow_pickle=False) as saved:
            return {key: saved[key] for key in saved.files}

    def write_arrays(self, name: str, arrays: Arrays) -> None:
        """Keep a part that is a few arrays."""
        if self.folder is None:
            return
        plain: dict[str, Any] = {key: np.asarray(each) for key, each in arrays.items()}
        content = io.BytesIO()
        np.savez_compressed(content, **plain)
        self.write(name, content.getvalue())

    def part(self, name: str, make: Callable[[], Arrays]) -> Arrays:
        """Read a part of a few arrays, or make and keep it."""
        found = self.arrays(name)
        if found is None:
            found = make()
            self.write_arrays(name, found)
        return found


NOTHING_KEPT = Parts()


def begun_with(folder: Path | None) -> dict[str, Any]:
    """The work that a folder of parts was begun with; empty where there is none that can be read."""
    try:
        return {} if folder is None else dict(json.loads((folder / WORK).read_bytes())["work"])
    except (OSError, ValueError, TypeError, KeyError):
        return {}


# --- one process at a time -------------------------------------------------------------------------------------------
@contextlib.contextmanager
def locked(folder: Path, say: Say = warn) -> Generator[None]:
    """Hold a folder (made where it is missing), so that no other process works there meanwhile; wait for one that does.

    The lock says who holds it: process, host, since when. It goes with its process, whatever ends that; no clock is
    asked. Only of a process on another host nobody can know whether it lives: StoreError says how to take the folder
    over. Whoever cannot write to the folder gets no lock, and does no harm. Files that a killed process left half
    written are removed.
    """
    path, begun, told = folder / LOCK, time.monotonic(), False
    handle: int | None = None
    with contextlib.suppress(OSError):
        while isinstance(holder := _taken(path), str):
            if not told and time.monotonic() - begun > PATIENCE:
                say(f"{folder} is in use by {holder}: waiting until that ends (Ctrl-C stops waiting)")
                told = True
            time.sleep(POLL)
        handle = holder
    try:
        for each in folder.glob(f"*{PARTIAL}") if handle is not None else ():
            with contextlib.suppress(OSError):
                each.unlink()
        yield
    finally:
        if handle is not None:
            with contextlib.suppress(OSError):
                path.unlink()
            os.close(handle)
        discard_if_empty(folder)


def _taken(path: Path) -> int | str:
    """The open file of a lock that is ours now, or who holds it."""
    new, handle, here = True, None, socket.gethostname()
    try:
        path.parent.mkdir(parents=True, exist_ok=True)  # each time: whoever held it may have left nothing
        try:
            handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o666)
        except FileExistsError:
            new, handle = False, os.open(path, os.O_RDWR)
        alive = _alive(handle)
        if alive or not os.path.samestat(os.fstat(handle), path.stat()):
            return _owner(path)[1]
        host, owner = _owner(path)
        if not new and (alive is None or host not in ("", here)):
            raise StoreError(
                f"{path.parent} is in use by {owner}; whether that still runs cannot be seen from here. If it does "
                f"not, remove {path} and give the command again"
            )
        mine = {"pid": os.getpid(), "host": here, "since": datetime.now(UTC).isoformat(timespec="seconds")}
        with contextlib.suppress(OSError):  # a full disk: the lock holds without a name
            os.ftruncate(handle, 0)
            os.write(handle, json.dumps(mine).encode())
        held, handle = handle, None
        return held
    except FileNotFoundError:  # between two looks
        return "a process that ends just now"
    finally:
        if handle is not None:
            os.close(handle)


def _alive(handle: int) -> bool | None:
    """Whether another process holds the file; if not, this one does now. None: this system cannot tell."""
    try:
        if fcntl is None:
            return None
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:  # a file system without locks
        return None
    return False


def _owner(path: Path) -> tuple[str, str]:
    """Host of whoever wrote a lock (empty: not known), and how messages call them."""
    try:
        said = json.loads(path.read_text("utf-8"))
        return str(said["host"]), f"process {said['pid']} on {said['host']} since {said['since']}"
    except (OSError, ValueError, KeyError, TypeError):
        return "", "another process"
