"""`valign page`: a scenario as one HTML file that runs the model in the browser."""

from __future__ import annotations

import shlex
import webbrowser
from collections.abc import Sequence
from pathlib import Path

from valign.model.errors import InputError
from valign.results.checkpoint import replace

from . import terminal
from .options import scenario_of


def page(
    names: Sequence[str],
    out: Path | None,
    societies: int | None,
    seed: int,
    worlds: int | None,
    settings: Sequence[str],
    show: bool,
    quiet: bool,
    as_json: bool,
    site: Path | None = None,
) -> None:
    """Write the page of scenarios, and open it where that is asked for.

    names : the first is the one that it opens on.
    site : a folder for a web server, instead of one file.
    worlds : how many that agree with what is known it holds (None: as many as it can show, where there are any).
    """
    from ..page import build

    scenarios = {_repeated(name, settings): scenario_of(name, tuple(settings)) for name in names}
    (repeat, scenario), *others = scenarios.items()
    if len(scenarios) < len(names):
        raise InputError([f"{name} is given twice" for name in dict.fromkeys(names) if list(names).count(name) > 1])
    if site is not None and out is not None:
        raise InputError(["give one of --out (a file) and --site (a folder)"])
    if site is not None and site.exists() and not site.is_dir():
        raise InputError([f"--site {site}: is a file; expected a folder"])
    path = site / "index.html" if site is not None else out or Path(f"{scenario.name}.html")
    if path.is_dir():
        raise InputError([f"--out {path}: is a folder; expected the name of a file, e.g. {path / 'page.html'}"])
    table = build.worlds_shown(worlds)
    text = build.page(scenario, societies=societies, seed=seed, worlds=table, repeat=repeat, others=dict(others))
    files = {path: text} if site is None else {site / each: content for each, content in build.site(text).items()}
    try:
        if site is not None:
            site.mkdir(parents=True, exist_ok=True)
        for each, content in files.items():
            replace(each, content.encode("utf-8"))
    except OSError as error:
        where = f"--out {path}" if site is None else f"--site {site}"
        raise InputError([f"{where}: cannot be written: {error.strerror}"]) from None
    size = f"{len(text) / 1e6:.1f} MB"
    if as_json:
        terminal.as_json({"page": str(path), "bytes": len(text.encode("utf-8"))})
    elif site is None:
        terminal.say(f"{path}: {size}; open it in a browser, mail it, or put it on any web server", quiet)
    else:
        terminal.say(f"{site}: a folder for any web server ({size}); NOTE.txt in it says what it needs", quiet)
    if show and not webbrowser.open(path.resolve().as_uri()):
        terminal.say("No browser was found to open it", quiet)


def _repeated(name: str, settings: Sequence[str]) -> str:
    """The line that gives the runs of a scenario without the page."""
    return shlex.join(["valign", "run", name, *(part for each in settings for part in ("--set", each))])
