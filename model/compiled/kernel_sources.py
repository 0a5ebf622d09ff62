"""The hash of the code that kernels are made of: it says whether month.wasm is what the sources compile to.

Of the syntax trees, so that comments, docstrings and words for people (strings of several words) do not count; the same
with every Python. No Numba here.
"""

from __future__ import annotations

import ast
import hashlib
import json
import sys
from collections.abc import Iterator
from pathlib import Path

MODEL = Path(__file__).resolve().parents[1]
FROM = ("run/kernels.py", "compiled/numba_handle.py", "compiled/numba_lanes.py")
MECHANISMS = ("mechanisms/*/kernel.py", "mechanisms/*/record.py")
APART = ("compiled/engine.py", "compiled/calling.py")  # call kernels, and are in none
PACKAGE = "valign.model."
_PASSED = {"ctx", "kind", "type_comment", "type_ignores", "type_params", "returns", "annotation"}


def kernels_hash(model: Path = MODEL) -> str:
    """Hash of the modules under `model` that kernels use, names included."""
    digest = hashlib.blake2b(digest_size=8)
    for path in kernel_modules(model):
        tree = ast.parse(path.read_bytes())
        digest.update(f"{path.relative_to(model).as_posix()}\n{_plain(tree)}\n".encode())
    return digest.hexdigest()


def stale(folder: Path = MODEL / "compiled") -> str:
    """Why month.wasm of `folder` cannot be used for these sources; empty where it can."""
    told = folder / "month.json"
    if not (folder / "month.wasm").is_file() or not told.is_file():
        return "there is no month.wasm"
    if json.loads(told.read_text("utf-8"))["kernels_hash"] != kernels_hash(folder.parent):
        return "month.wasm was made from other kernels"
    return ""


def kernel_modules(model: Path = MODEL) -> list[Path]:
    """Files that the kernels import, directly or not (not for their types alone)."""
    waiting = [model / name for name in FROM] + [path for each in MECHANISMS for path in model.glob(each)]
    found: set[Path] = set()
    while waiting:
        path = waiting.pop()
        if path in found or not path.is_file() or path.relative_to(model).as_posix() in APART:
            continue
        found.add(path)
        for name in _imported(path, model):
            target = model.joinpath(*name.split("."))
            waiting += [target.with_suffix(".py"), target / "__init__.py"]
    return sorted(found)


def _imported(path: Path, model: Path) -> Iterator[str]:
    """Dotted names within the model that a file imports when it runs."""
    package = path.relative_to(model).parts[:-1]
    for node in ast.parse(path.read_bytes()).body:
        if isinstance(node, ast.ImportFrom):
            if node.level:
                parts = [*package[: len(package) - node.level + 1], *(node.module or "").split(".")]
                base = ".".join(part for part in parts if part)
            elif (node.module or "").startswith(PACKAGE):
                base = str(node.module).removeprefix(PACKAGE)
            else:
                continue
            yield from (base, *(f"{base}.{each.name}".lstrip(".") for each in node.names))


def _plain(node: object) -> str:
    """A syntax tree as text that does not depend on the version of Python."""
    if isinstance(node, list):
        return "[" + ",".join(_plain(each) for each in node) + "]"
    if isinstance(node, ast.Constant):
        words = isinstance(node.value, str) and " " in node.value.strip()
        return "words" if words else repr(node.value)
    if not isinstance(node, ast.AST):
        return repr(node)
    fields = {name: getattr(node, name, None) for name in node._fields if name not in _PASSED}
    body = fields.get("body")
    if isinstance(node, (ast.Module, ast.FunctionDef, ast.ClassDef)) and isinstance(body, list) and body:
        first = body[0]
        if isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant) and isinstance(first.value.value, str):
            fields["body"] = body[1:]
    kept = (f"{name}={_plain(value)}" for name, value in fields.items() if value is not None and value != [])
    return f"{type(node).__name__}({','.join(kept)})"


def main() -> None:
    """What `make lint` asks."""
    if why := stale():
        sys.exit(f"{why}: run `make wasm` and commit model/compiled/month.*")


if __name__ == "__main__":
    main()
