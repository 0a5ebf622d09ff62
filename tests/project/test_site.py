"""The site of the pages: built with warnings as errors, whole, and in need of nothing from anywhere."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path

import pytest

pytest.importorskip("mkdocs", reason="`make site` installs what the site needs")
pytest.importorskip("mkdocstrings", reason="`make site` installs what the site needs")

ROOT = Path(__file__).resolve().parents[2]
LOADED = {"script": "src", "img": "src", "iframe": "src", "source": "src", "video": "src", "link": "href"}
COUNTED = ("table", "tr", "li", "pre", "h2", "h3", "img")  # not h1: a page without a title gets one


class Page(HTMLParser):
    """What a page loads, where it links to, and how many of each block its article has."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.loads: list[str] = []
        self.links: list[str] = []
        self.ids: set[str] = set()
        self.blocks: Counter[str] = Counter()
        self.inside = "<article" not in text
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        self.inside |= tag == "article"
        self.ids.add(given.get("id", ""))
        if tag in LOADED and LOADED[tag] in given and given.get("rel") not in ("next", "prev", "canonical"):
            self.loads.append(given[LOADED[tag]])
        if tag == "a" and "href" in given:
            self.links.append(given["href"])
        if self.inside and tag in COUNTED:
            self.blocks[tag] += 1

    def handle_endtag(self, tag: str) -> None:
        self.inside &= tag != "article"


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("site").resolve()
    made = subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(folder)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        env={**os.environ, "NO_MKDOCS_2_WARNING": "1"},
    )
    assert made.returncode == 0, made.stderr
    return folder


def pages(site: Path) -> Iterator[tuple[str, Page]]:
    for path in sorted(site.rglob("*.html")):
        yield path.relative_to(site).as_posix(), Page(path.read_text("utf-8"))


def test_nothing_is_fetched_from_elsewhere(site: Path) -> None:
    away = [
        (name, address) for name, page in pages(site) for address in page.loads if re.match(r"(https?:)?//", address)
    ]
    styles = [
        (path.name, found)
        for path in site.rglob("*.css")
        for found in re.findall(r"(?:url\(|@import)\s*[\"']?((?:https?:)?//[^\"')]+)", path.read_text("utf-8"))
    ]
    assert away == []
    assert styles == []


def test_links_within_the_site_lead_somewhere(site: Path) -> None:
    wrong = []
    known = {site / name: page for name, page in pages(site)}
    for path, page in known.items():
        name = path.relative_to(site).as_posix()
        if name == "404.html":  # its links are absolute: it is shown anywhere
            continue
        for link in page.links:
            to, _, anchor = link.partition("#")
            if re.match(r"[a-z]+:", link):
                continue
            target = (path.parent / to).resolve() if to else path
            target = target / "index.html" if target.is_dir() else target
            if not target.exists() or (anchor and anchor not in known[target].ids):
                wrong.append((name, link))
    assert wrong == []


def test_every_public_name_is_in_the_reference(site: Path) -> None:
    import valign

    page = Page((site / "docs/API/index.html").read_text("utf-8"))
    documented = {identity.rpartition(".")[2] for identity in page.ids if identity.startswith("valign.")}
    assert documented >= set(valign._WHERE) | set(valign._MODULES)


@pytest.mark.parametrize(
    "name",
    [
        path.relative_to(ROOT).as_posix()
        for path in (
            ROOT / "README.md",
            ROOT / "CONTRIBUTING.md",
            ROOT / "CHANGELOG.md",
            *sorted((ROOT / "docs").rglob("*.md")),
            *sorted((ROOT / "results/reference").rglob("*.md")),
        )
        if path.name != "API.md"
    ],
)
def test_a_page_has_the_blocks_that_a_code_host_shows(site: Path, name: str) -> None:
    """Python-Markdown wants a blank line before a list where code hosts do not: what it lost would be text."""
    from markdown_it import MarkdownIt

    plain = Page(MarkdownIt("gfm-like", {"linkify": False}).render((ROOT / name).read_text("utf-8")))
    folder = Path(name).parent if Path(name).name in ("README.md", "index.md") else Path(name).with_suffix("")
    built = Page((site / folder / "index.html").read_text("utf-8"))
    assert built.blocks == plain.blocks
