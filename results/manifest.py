"""manifest.json: how the results of a folder came about, and checksums by which damage to them is noticed.

It is written twice, each time with a checksum of itself: where one is damaged, the other is taken.
"""

from __future__ import annotations

import contextlib
import json
import platform
import shlex
from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path
from typing import Any

from .checkpoint import LOCK, PARTIAL, Say, StoreError, checksum, content_hash, replace, warn

MANIFEST, COPY, CRATE = "manifest.json", "manifest.copy.json", "ro-crate-metadata.json"
SPOILED = ".damaged"  # files that did not match their checksum, set aside
FORMAT = 1
KEYS = {"status": str, "work": dict, "work_hash": str, "command": str, "started": str, "tables": dict, "versions": dict}
PROFILE = "https://w3id.org/ro/wfrun/process/0.5"
MEDIA_TYPES = {
    ".parquet": "application/vnd.apache.parquet",
    ".csv": "text/csv",
    ".png": "image/png",
    ".svg": "image/svg+xml",
    ".toml": "application/toml",
    ".json": "application/json",
    ".html": "text/html",
}
PACKAGES = ("valign", "mesa", "numba", "numpy", "pandas", "pyarrow", "scipy", "matplotlib", "pydantic")


def put_manifest(folder: Path, manifest: Mapping[str, Any]) -> dict[str, Any]:
    """Write the manifest of a folder, with a checksum, twice; what was written."""
    whole = {**manifest, "checksum": _own_checksum(manifest)}
    for name in (MANIFEST, COPY):
        replace(folder / name, json.dumps(whole, indent=1, ensure_ascii=False).encode() + b"\n")
    return whole


def _own_checksum(manifest: Mapping[str, Any]) -> str:
    said = json.loads(json.dumps({key: each for key, each in manifest.items() if key != "checksum"}))
    return content_hash(json.dumps(said, sort_keys=True).encode())


def checksums(folder: Path, names: Iterable[str]) -> dict[str, str]:
    """Of the files that are there, by name."""
    return {name: checksum(folder / name) for name in names if (folder / name).is_file()}


def read_manifest(folder: Path, say: Say = warn) -> dict[str, Any]:
    """The manifest of a folder of results; where it is damaged or gone, its second copy, which is put in its place."""
    try:
        return _read(folder, MANIFEST)
    except StoreError as error:
        try:
            whole = _read(folder, COPY)
        except StoreError:
            raise error from None
        say(f"{error}. Its second copy, {COPY}, is whole and is used instead")
    with contextlib.suppress(OSError):
        replace(folder / MANIFEST, (folder / COPY).read_bytes())
    return whole


def _read(folder: Path, name: str) -> dict[str, Any]:
    path = folder / name
    try:
        manifest: dict[str, Any] | list[Any] | str | float | None = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise StoreError(f"{folder} holds no results of valign ({name} is missing)") from None
    except NotADirectoryError:
        raise StoreError(f"{folder} is a file: expected a folder with results of valign") from None
    except (OSError, ValueError, RecursionError) as error:
        raise StoreError(f"{path} cannot be read: {error}") from None
    if not isinstance(manifest, dict) or manifest.get("format") != FORMAT:
        found = manifest.get("format") if isinstance(manifest, dict) else None
        raise StoreError(f"{path} has format {found!r}; this version of valign reads format {FORMAT}")
    if damaged := [key for key, kind in KEYS.items() if not isinstance(manifest.get(key), kind)]:
        raise StoreError(f"{path} is damaged: {', '.join(damaged)} cannot be read")
    if manifest.get("checksum", "") not in ("", _own_checksum(manifest)):  # of earlier versions: without
        raise StoreError(f"{path} does not match its own checksum: it is damaged, or was edited by hand")
    return manifest


def damaged(folder: Path, manifest: Mapping[str, Any]) -> list[str]:
    """Files of a finished folder that are not what was written: names that are gone or do not match their checksum."""
    return [name for name in manifest.get("files", {}) if not _matches(folder / name, manifest["files"][name])]


def _matches(path: Path, expected: str) -> bool:
    try:
        return checksum(path) == expected
    except OSError:
        return False


def checked(folder: Path, manifest: Mapping[str, Any], name: str) -> Path:
    """The path of a file of a folder. Raises StoreError where it is not what was written."""
    path, expected = folder / name, manifest.get("files", {}).get(name)
    if expected is not None and path.exists() and not _matches(path, expected):
        raise StoreError(
            f"{path} cannot be read as a result: it does not match its checksum, so that it is damaged or was edited "
            f"by hand. {again(folder, manifest)} makes it anew; what you edit on purpose, keep outside of {folder}"
        )
    return path


def check_if_result(path: Path) -> None:
    """Of a file that lies in a folder of results: raises StoreError where it is not what was written."""
    try:
        manifest = _read(path.parent, MANIFEST)
    except StoreError:
        return
    checked(path.parent, manifest, path.name)


def again(folder: Path, manifest: Mapping[str, Any]) -> str:
    """The command that computes the results of a folder, for a message."""
    batch = manifest["work"].get("command") == "batch"
    return f"`{shlex.join(['valign', 'resume', str(folder)]) if batch else manifest['command']}`"


@cache
def versions() -> dict[str, str]:
    """Versions of what the numbers depend on."""
    from importlib.metadata import PackageNotFoundError, version

    found = {"python": platform.python_version(), "platform": f"{platform.system()} {platform.machine()}"}
    for package in PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            found[package] = "not installed (checkout)" if package == "valign" else "missing"
    return found


def write_crate(folder: Path, manifest: Mapping[str, Any]) -> None:
    """Write the RO-Crate of the files that are there now."""
    replace(folder / CRATE, json.dumps(crate(folder, manifest), indent=1, ensure_ascii=False).encode() + b"\n")


def crate(folder: Path, manifest: Mapping[str, Any]) -> dict[str, Any]:
    """RO-Crate 1.1 metadata (Process Run Crate 0.5): the run of valign that made the files of a folder."""
    files = sorted(
        path.relative_to(folder).as_posix()
        for path in folder.rglob("*")
        if path.is_file() and path.name not in (CRATE, LOCK) and path.suffix not in (PARTIAL, SPOILED)
    )
    about = {
        "@id": CRATE,
        "@type": "CreativeWork",
        "about": {"@id": "./"},
        "conformsTo": {"@id": "https://w3id.org/ro/crate/1.1"},
    }
    profile = {"@id": PROFILE, "@type": "CreativeWork", "name": "Process Run Crate", "version": "0.5"}
    graph = [
        about,
        _data_set(manifest, files),
        profile,
        *_run(manifest, files),
        *(_file(folder, each) for each in files),
    ]
    return {"@context": "https://w3id.org/ro/crate/1.1/context", "@graph": graph}


def _data_set(manifest: Mapping[str, Any], files: Iterable[str]) -> dict[str, Any]:
    """The folder as a whole."""
    return {
        "@id": "./",
        "@type": "Dataset",
        "name": f"valign {manifest['work'].get('command', 'run')}",
        "description": "Simulations of how values align and innovations spread in social care",
        "datePublished": manifest["finished"],
        "license": "unspecified: the author of the results decides",
        "conformsTo": {"@id": PROFILE},
        "hasPart": [{"@id": name} for name in files],
        "mentions": [{"@id": "#run"}],
    }


def _run(manifest: Mapping[str, Any], files: Iterable[str]) -> tuple[dict[str, Any], dict[str, Any]]:
    """The program, and the run of it."""
    found = manifest["versions"]
    program = {
        "@id": "#valign",
        "@type": "SoftwareApplication",
        "name": "valign",
        "version": found["valign"],
        "softwareRequirements": [f"{name} {each}" for name, each in found.items() if name != "valign"],
    }
    return program, {
        "@id": "#run",
        "@type": "CreateAction",
        "name": manifest["command"],
        "startTime": manifest["started"],
        "endTime": manifest["finished"],
        "instrument": {"@id": "#valign"},
        "object": [{"@id": "scenario.toml"}],
        "result": [{"@id": name} for name in files if name != "scenario.toml"],
        "actionStatus": "http://schema.org/CompletedActionStatus",
    }


def _file(folder: Path, name: str) -> dict[str, Any]:
    return {
        "@id": name,
        "@type": "File",
        "name": name,
        "encodingFormat": MEDIA_TYPES.get(Path(name).suffix, "application/octet-stream"),
        "contentSize": str((folder / name).stat().st_size),
    }
