"""What docs/API.md shows has a docstring that names every argument, every field, and that something is raised."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator
from dataclasses import fields, is_dataclass
from functools import cached_property
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

import valign as va

ROOT = Path(__file__).resolve().parents[2]
SHOWN = re.findall(r"^::: (valign\.\S+)$", (ROOT / "docs" / "API.md").read_text("utf-8"), re.MULTILINE)


def found(path: str) -> Any:
    """The object, or module, of a dotted path."""
    module, _, name = path.rpartition(".")
    return va.design if path == va.design.__name__ else getattr(import_module(module), name)


def functions(owner: Any) -> Iterator[tuple[str, Any, str]]:
    """Public functions of a module or class (of properties and class methods too), and what is said of them."""
    home = owner.__name__ if inspect.ismodule(owner) else owner.__module__
    for name, each in vars(owner).items():
        function = each.fget if isinstance(each, property) else each.func if isinstance(each, cached_property) else each
        function = getattr(function, "__func__", function)
        ours = inspect.isfunction(function) and function.__module__ == home and function.__name__ != "<lambda>"
        if ours and not name.startswith("_"):
            yield name, function, each.__doc__ or ""


def lacking(function: Any, said: str) -> list[str]:
    """What a docstring does not say."""
    names = list(inspect.signature(function).parameters)
    unnamed = [name for name in names if name not in ("self", "cls") and not re.search(rf"\b{name}\b", said)]
    raises = re.search(r"^\s+raise ", inspect.getsource(function), re.MULTILINE) and "Raises" not in said
    return unnamed + (["what it raises"] if raises else []) + ([] if said else ["anything"])


@pytest.mark.parametrize("path", SHOWN)
def test_the_docstring_says_it_all(path: str) -> None:
    shown = found(path)
    if inspect.isfunction(shown):
        assert not lacking(shown, shown.__doc__ or "")
        return
    wrong = {name: words for name, each, said in functions(shown) if (words := lacking(each, said))}
    if inspect.isclass(shown):
        declared = [each.name for each in fields(shown)] if is_dataclass(shown) else getattr(shown, "model_fields", ())
        said = vars(shown).get("__doc__") or ""
        wrong |= {
            name: ["its meaning"]
            for name in declared
            if not name.startswith("_") and not re.search(rf"\b{name}\b", said)
        }
    assert not wrong


def test_every_public_name_is_shown() -> None:
    objects = [found(path) for path in SHOWN]
    assert not [name for name in va.__all__ if name != "__version__" and getattr(va, name) not in objects]
