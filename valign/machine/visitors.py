"""Who has the page open: known by a cookie, kept apart, and forgotten after a while.

A page holds a token that is made of its visitor's cookie, and sends it in a header with all it asks for: a page of
another site can neither read nor guess it.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
import shutil
import time
from dataclasses import dataclass, field
from pathlib import Path

from .turns import Job, Turns

MOST_VISITORS = 500
FORGOTTEN = 4 * 3600.0  # seconds without a request
MOST_FILES, MOST_KEPT = 16, 60_000_000  # files of a visitor; bytes of them
MOST_JOBS, MOST_ALIVE = 12, 3  # of a visitor: results that are kept, jobs at a time
HOUSE = ""  # who has started the server: what it was started with is for all visitors


@dataclass
class Visitor:
    """files : uploads by id. seen : when it last asked for anything."""

    id: str
    files: dict[str, Path] = field(default_factory=dict[str, Path])
    seen: float = field(default_factory=time.monotonic)

    @property
    def kept(self) -> int:
        return sum(path.stat().st_size for path in self.files.values() if path.exists())


class Visitors:
    """All visitors of a server, in a folder of its own."""

    def __init__(self, folder: Path, turns: Turns) -> None:
        self.folder, self.turns = folder, turns
        self.known: dict[str, Visitor] = {}
        self.secret = secrets.token_bytes(32)

    def of(self, cookie: str | None) -> Visitor | None:
        """The visitor with such a cookie."""
        found = self.known.get(cookie or "")
        if found is not None:
            found.seen = time.monotonic()
        return found

    def new(self) -> Visitor:
        """Somebody who was not here before; those who have left are forgotten, of too many the one who left first."""
        self.tidy()
        if len(self.known) >= MOST_VISITORS:
            alive = {job.visitor for job in self.turns.jobs.values() if job.alive}
            idle = [each for each in self.known.values() if each.id not in alive] or list(self.known.values())
            self._forget(min(idle, key=lambda each: each.seen))
        made = Visitor(secrets.token_urlsafe(24))
        self.known[made.id] = made
        return made

    def token(self, visitor: Visitor) -> str:
        """What the page of a visitor holds."""
        return hmac.new(self.secret, visitor.id.encode(), hashlib.sha256).hexdigest()

    def is_token(self, visitor: Visitor, given: str) -> bool:
        return hmac.compare_digest(self.token(visitor).encode(), given.encode("utf-8", "replace"))

    def tidy(self) -> None:
        """Forget who has not been here for hours."""
        now = time.monotonic()
        for each in [each for each in self.known.values() if now - each.seen > FORGOTTEN]:
            self._forget(each)

    def _forget(self, visitor: Visitor) -> None:
        for job in self.jobs(visitor.id):
            self.turns.forget(job)
        shutil.rmtree(self.folder / visitor.id, ignore_errors=True)
        self.known.pop(visitor.id, None)
        self.turns.last.pop(visitor.id, None)

    # --- what is theirs ----------------------------------------------------------------------------------------------
    def jobs(self, visitor: str) -> list[Job]:
        return [job for job in self.turns.jobs.values() if job.visitor == visitor]

    def job(self, visitor: Visitor, name: str) -> Job | None:
        """A job of a visitor, or of the house."""
        found = self.turns.jobs.get(name)
        return found if found is not None and found.visitor in (visitor.id, HOUSE) else None

    def add_file(self, visitor: Visitor, name: str, content: bytes) -> str:
        """Keep an upload; its id. The oldest ones go where there are too many."""
        id_ = secrets.token_urlsafe(9)
        path = self.folder / visitor.id / id_ / _safe(name)
        path.parent.mkdir(parents=True)
        path.write_bytes(content)
        visitor.files[id_] = path
        while len(visitor.files) > MOST_FILES or visitor.kept > MOST_KEPT:
            oldest = next(iter(visitor.files))
            shutil.rmtree(visitor.files.pop(oldest).parent, ignore_errors=True)
        return id_

    def ask(self, visitor: str, asked: dict[str, object]) -> Job:
        """A new job of a visitor. One of the same kind that has not ended is cancelled; old results are forgotten."""
        own = self.jobs(visitor)
        for job in own:
            if job.alive and job.asked["kind"] == asked["kind"] != "page":
                self.turns.forget(job)
        ended = [job for job in own if not job.alive and job.asked["kind"] != "read"]
        for job in ended[: max(0, len(ended) - MOST_JOBS)]:
            self.turns.forget(job)
        read = [job for job in own if not job.alive and job.asked["kind"] == "read"]
        for job in read[: max(0, len(read) - MOST_JOBS)]:
            self.turns.forget(job)
        job = Job(visitor, asked, self.folder / "jobs")
        job.folder = self.folder / "jobs" / job.id
        return self.turns.ask(job)


def _safe(name: str) -> str:
    """The last part of a name, of plain letters, as that of a file."""
    plain = "".join(c if c.isalnum() or c in "._- " else "_" for c in name.replace("\\", "/").rpartition("/")[2])
    return plain.strip(". ")[-80:] or "file"
