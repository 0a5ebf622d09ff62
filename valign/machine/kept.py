"""Pages that were made before, as long as nothing that they are made of has changed: so that the first is there at
once.

This module, like all that the server itself loads, leaves the model to the processes of jobs: loading it takes a
second.
"""

from __future__ import annotations

import hashlib
import os
import sys
from contextlib import suppress
from importlib.util import find_spec
from pathlib import Path

PARTS = ("model", "experiments", "results", "page", "machine")  # packages that a page is made by
KINDS = (".py", ".toml", ".js", ".css", ".j2", ".wasm", ".csv", ".parquet")


class Kept:
    """Pages of shipped scenarios, in memory and in a folder (None: in memory alone)."""

    def __init__(self, folder: Path | None) -> None:
        self.folder = folder
        places = [place for part in PARTS for place in find_spec(f"valign.{part}").submodule_search_locations]
        self.shipped = sorted(path.stem for path in (Path(places[0]) / "scenarios").glob("*.toml"))
        self.texts: dict[str, str] = {}
        self.made_of = _stamp(places)

    def page(self, name: str) -> str | None:
        """The page of a shipped scenario, if it was made before."""
        if name in self.shipped and name not in self.texts and self.folder is not None:
            with suppress(OSError, ValueError):
                self.texts[name] = self._path(self.folder, name).read_text("utf-8")
        return self.texts.get(name)

    def keep(self, name: str, text: str) -> None:
        """Keep one; those that were made of something else go."""
        from valign.results.checkpoint import replace

        self.texts[name] = text
        if self.folder is not None:
            with suppress(OSError):  # then it is made again next time
                self.folder.mkdir(parents=True, exist_ok=True)
                for old in self.folder.glob(f"page-{name}-*.html"):
                    old.unlink()
                replace(self._path(self.folder, name), text.encode("utf-8"))

    def _path(self, folder: Path, name: str) -> Path:
        return folder / f"page-{name}-{self.made_of}.html"


def _stamp(places: list[str]) -> str:
    """Of all files that a page may be made of: names, sizes, times."""
    digest = hashlib.blake2b(sys.version.encode(), digest_size=8)
    for place in places:
        for path in sorted(Path(place).rglob("*")):
            if path.suffix in KINDS:
                about = path.stat()
                digest.update(f"{path}\0{about.st_size}\0{about.st_mtime_ns}\0".encode())
    return digest.hexdigest()


def cache_folder() -> Path:
    """As `model.compiled.compiling.user_cache_folder`, which cannot be asked without loading a compiler."""
    if "VALIGN_CACHE" in os.environ:
        return Path(os.environ["VALIGN_CACHE"])
    if sys.platform == "win32":
        return Path(os.environ.get("LOCALAPPDATA", Path.home())) / "valign"
    return Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "valign"
