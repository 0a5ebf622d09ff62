"""What the command line says: tables, progress, errors. Results go to standard output, all else to standard error."""

from __future__ import annotations

import json
import math
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

from valign.results.plain_text import is_hidden, visible

WRONG_INPUT, FAILED, INTERRUPTED = 2, 1, 130
TYPED: ContextVar[list[str]] = ContextVar("TYPED")  # of the command line that is at work, without the program's name

MOST_LINES, LONGEST_LINE = 50, 2_000  # of a complaint; letters


def complain(*lines: str) -> None:
    """One message on standard error; of very many lines the first, of very long ones both ends."""
    shown = [_shortened(visible(line, keep="")) for line in lines[:MOST_LINES]]
    if len(lines) > MOST_LINES:
        shown.append(f"… and {len(lines) - MOST_LINES:,} more")
    print("\n".join(("valign: " + shown[0], *("  " + line for line in shown[1:]))), file=sys.stderr)


def _shortened(line: str) -> str:
    if len(line) <= LONGEST_LINE:
        return line
    kept = LONGEST_LINE // 2
    return f"{line[:kept]} … ({len(line) - 2 * kept:,} letters left out) … {line[-kept:]}"


def say(text: str, quiet: bool = False) -> None:
    """A remark on standard error."""
    if not quiet:
        print(visible(text), file=sys.stderr)


def show(text: str) -> None:
    """What was asked for, on standard output."""
    print(visible(text))


def table(columns: Sequence[str], rows: Sequence[Sequence[str]], title: str = "", numbers_from: int = 1) -> None:
    """Print a table; on a terminal it folds to its width."""
    title, columns = visible(title), [visible(each, keep="") for each in columns]
    rows = [[visible(each, keep="") for each in row] for row in rows]
    if not sys.stdout.isatty():
        widths = [max(map(len, column)) for column in zip(columns, *rows, strict=True)]
        for row in ([[title]] if title else []) + [list(columns), *map(list, rows)]:
            cells = [
                cell.ljust(width) if place < numbers_from else cell.rjust(width)
                for place, (cell, width) in enumerate(zip(row, widths, strict=False))
            ]
            print("  ".join(cells).rstrip())
        return
    from rich import box
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    drawn = Table(
        title=Text(title, style="bold") if title else None, title_justify="left", box=box.SIMPLE_HEAD, pad_edge=False
    )
    for place, column in enumerate(columns):
        drawn.add_column(Text(column), justify="right" if place >= numbers_from else "left", overflow="fold")
    for row in rows:
        drawn.add_row(*map(Text, row))
    Console().print(drawn)


def as_json(value: Any) -> None:
    """Print a value as JSON: NaN as null, infinity as "never"."""

    def plain(each: Any) -> Any:
        if isinstance(each, dict):
            return {str(key): plain(item) for key, item in each.items()}
        if isinstance(each, (list, tuple)):
            return [plain(item) for item in each]
        each = each.item() if hasattr(each, "item") else each
        if isinstance(each, float) and not math.isfinite(each):
            return None if math.isnan(each) else "never"
        return each

    plainly = (sys.stdout.encoding or "").lower() != "utf-8"  # where a letter might be lost, its number
    text = json.dumps(plain(value), indent=1, ensure_ascii=plainly)
    if not text.isprintable():
        text = "".join(json.dumps(each)[1:-1] if each != "\n" and is_hidden(each) else each for each in text)
    print(text)


def duration(seconds: float) -> str:
    for unit, length in (("hours", 3600), ("minutes", 60)):
        if seconds >= 2 * length:
            return f"{seconds / length:.0f} {unit}"
    return f"{seconds:.0f} s"


class Pace:
    """How long the rest takes, as fast as since the first call."""

    first: tuple[int, float] | None = None

    def left(self, done: int, total: int) -> str:
        """In words; empty where nothing was done yet, and at the end."""
        now = time.monotonic()
        self.first = before, begun = self.first or (done, now)
        if not before < done < total:
            return ""
        return f", about {duration((now - begun) / (done - before) * (total - done))} left"


@contextmanager
def progress(what: str, quiet: bool, ahead: bool = False) -> Iterator[Callable[[int, int], None] | None]:
    """A callback (done, in all): a bar with an estimate on a terminal, a line every ten seconds when piped.

    ahead : its first call comes before the first run (with what was there already). Then lines say at once how many
    runs there are, and how long they take as soon as some are done.
    """
    pace, what = Pace(), visible(what, keep="")
    if quiet:
        yield None
    elif sys.stderr.isatty():
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

        with Progress(
            TextColumn(what, markup=False),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("runs{task.fields[left]}"),
            console=Console(stderr=True),
            transient=True,
        ) as bar:
            task = bar.add_task(what, total=None, left="")
            yield lambda done, total: bar.update(task, completed=done, total=total, left=pace.left(done, total))
    else:
        told, known = time.monotonic(), not ahead

        def line(done: int, total: int) -> None:
            nonlocal told, known
            announced, left = ahead and pace.first is None, pace.left(done, total)
            if announced:
                text = f"{total:,} runs" + (f", {done:,} of them already done" if done else "")
            elif time.monotonic() - told >= 10 or (left and not known):
                text, known = f"{done:,} of {total:,} runs{left}", known or bool(left)
            else:
                return
            told = time.monotonic()
            print(f"{what}: {text}", file=sys.stderr, flush=True)

        yield line


def show_picture(path: str) -> bool:
    """Open a picture where there is a display; False where there is none."""
    import os
    import subprocess

    if sys.platform == "win32":
        os.startfile(path)
        return True
    opener = "open" if sys.platform == "darwin" else "xdg-open"
    if sys.platform != "darwin" and not (os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")):
        return False
    try:
        subprocess.Popen([opener, path], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True)
    except OSError:
        return False
    return True
