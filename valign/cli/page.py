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

WORLDS = 200


def page(
    name: str,
    out: Path | None,
    societies: int | None,
    seed: int,
    worlds: int | None,
    settings: Sequence[str],
    show: bool,
    quiet: bool,
    as_json: bool,
) -> None:
    """Write the page of a scenario, and open it where that is asked for.

    worlds : how many that agree with what is known it holds (None: as many as it can show, where there are any).
    """
    from valign.experiments.worlds import shipped
    from valign.experiments.worlds import worlds as known_worlds

    from ..page.build import page as made

    scenario = scenario_of(name, tuple(settings))
    path = out or Path(f"{scenario.name}.html")
    if path.is_dir():
        raise InputError([f"--out {path}: is a folder; expected the name of a file, e.g. {path / 'page.html'}"])
    repeat = shlex.join(["valign", "run", name, *(part for each in settings for part in ("--set", each))])
    if worlds is None:
        worlds = WORLDS if shipped() else 0
    table = known_worlds(worlds) if worlds else None
    text = made(scenario, societies=societies, seed=seed, worlds=table, repeat=repeat)
    try:
        replace(path, text.encode("utf-8"))
    except OSError as error:
        raise InputError([f"--out {path}: cannot be written: {error.strerror}"]) from None
    if as_json:
        terminal.as_json({"page": str(path), "bytes": len(text.encode("utf-8"))})
    else:
        terminal.say(
            f"{path}: {len(text) / 1e6:.1f} MB; open it in a browser, mail it, or put it on any web server", quiet
        )
    if show and not webbrowser.open(path.resolve().as_uri()):
        terminal.say("No browser was found to open it", quiet)
