"""Finished parts of a long calculation, kept in a folder: asked again, they are read instead of computed."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from valign.model.errors import InputError

WORK, FORMAT = "work.json", 2
Arrays = Mapping[str, Any]


class Kept:
    """Parts by name, each a few arrays; without a folder nothing is kept.

    work : what is being done. A folder that holds parts of other work is refused (InputError), never overwritten.
    """

    def __init__(self, folder: Path | None = None, work: Mapping[str, Any] | None = None) -> None:
        self.folder = None if folder is None else Path(folder)
        if self.folder is None:
            return
        text = json.dumps({"format": FORMAT, **(work or {})}, sort_keys=True, indent=1)
        path = self.folder / WORK
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            if not path.exists():
                _replace(path, lambda to: to.write_text(text, "utf-8"))
            found, asked = json.loads(path.read_text("utf-8")), json.loads(text)
        except OSError as error:
            raise InputError([f"{self.folder}: {error.strerror or error}"]) from None
        if found != asked:
            differing = sorted(key for key in {*found, *asked} if found.get(key) != asked.get(key))
            raise InputError(
                [
                    f"{self.folder} holds another calibration (it differs in: {', '.join(differing)}); nothing "
                    "is overwritten: choose another folder or remove this one"
                ]
            )

    def read(self, name: str) -> dict[str, np.ndarray] | None:
        """A part, or None where it is not there."""
        if self.folder is None or not (path := self.folder / f"{name}.npz").exists():
            return None
        with np.load(path) as saved:
            return {key: saved[key] for key in saved.files}

    def write(self, name: str, arrays: Arrays) -> None:
        """Whole or not at all."""
        if self.folder is None:
            return

        plain: dict[str, Any] = {key: np.asarray(each) for key, each in arrays.items()}

        def save(path: Path) -> None:
            with open(path, "wb") as stream:
                np.savez_compressed(stream, **plain)
                stream.flush()
                os.fsync(stream.fileno())

        try:
            _replace(self.folder / f"{name}.npz", save)
        except OSError as error:
            raise InputError([f"{self.folder}: {error.strerror or error}"]) from None

    def part(self, name: str, make: Callable[[], Arrays]) -> Arrays:
        """Read a part, or make and keep it."""
        found = self.read(name)
        if found is None:
            found = make()
            self.write(name, found)
        return found


NOTHING_KEPT = Kept()


def _replace(path: Path, write: Callable[[Path], Any]) -> None:
    partial = path.with_name(path.name + ".part")
    write(partial)
    os.replace(partial, path)
