"""What MkDocs needs to know of this project: which files make the site, and how its docstrings are written."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import griffe
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

ROOT = Path(__file__).resolve().parents[1]
SHOWN = (
    "README.md",
    "CHANGELOG.md",
    "CONTRIBUTING.md",
    "CITATION.cff",
    "LICENSE",
    "docs/**/*",
    "examples/**/*",
    "experiments/claims/*.toml",
    "benchmarks/RESULTS.md",
    "benchmarks/ENGINES.md",
    "benchmarks/PAGE.md",
    "benchmarks/peers/RESULTS.md",
    "benchmarks/peers/*.png",
    "benchmarks/peers/*.csv",
    "results/reference/**/*",
)
HIDDEN = {".py", ".pyc", ".svg"}  # examples/*.py are linked, and shown all the same


def shown() -> list[str]:
    """Paths from the top of the checkout, of pages and of what they link to."""
    paths = {path.relative_to(ROOT) for pattern in SHOWN for path in ROOT.glob(pattern) if path.is_file()}
    return sorted(path.as_posix() for path in paths if path.suffix not in HIDDEN or path.parts[0] == "examples")


def on_files(files: Files, config: Any) -> Files:
    """The site is laid out like the checkout: README.md at its top, docs/ and results/reference/ in it."""
    theme = [file for file in files if file.src_dir != config.docs_dir]
    return Files([*theme, *(File(path, str(ROOT), config.site_dir, config.use_directory_urls) for path in shown())])


def on_page_markdown(markdown: str, *, page: Page, **_: Any) -> None:
    """Searches show findings, whose tables name every service and outcome, behind what explains the words."""
    if page.file.src_uri.startswith(("results/", "benchmarks/")):
        page.meta["search"] = {"boost": 1e-4}  # words in titles count a thousandfold


class Sections(griffe.Extension):
    """Our docstrings say `name : meaning` (types are in the signature); numpydoc wants the meaning a line below, and
    sections at the end."""

    SECTION = re.compile(r"^(Attributes|Parameters|Returns|Raises)\n-+\n((?:.+\n?)+)", re.MULTILINE)

    def on_object(self, *, obj: griffe.Object, **_: Any) -> None:
        if obj.docstring is not None:
            text = obj.docstring.value + "\n"
            sections = [self.rewritten(*found.groups()) for found in self.SECTION.finditer(text)]
            obj.docstring.value = "\n\n".join([self.SECTION.sub("", text).strip(), *sections])

    @staticmethod
    def rewritten(title: str, text: str) -> str:
        if title == "Returns":
            body = [":", *("    " + line.strip() for line in text.splitlines())]  # the type is the signature's
        else:
            body = []
            for line in text.splitlines():
                name, colon, meaning = line.partition(" : ")
                body += [name, f"    {meaning}"] if colon and not line.startswith(" ") else [line]
        return "\n".join([title, "-" * len(title), *body])
