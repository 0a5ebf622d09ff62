"""The command line: entry point, exit codes, streams."""

from __future__ import annotations

import gc
import io
import os
import sys
from typing import Annotated

import typer

from .commands import answers, runs, studies
from .commands.apps import app
from .guarded import usage
from .terminal import FAILED, INTERRUPTED, TYPED, WRONG_INPUT, complain

FAMILIES = (runs, studies, answers)  # each adds its commands, in the order of the help


@app.callback(invoke_without_command=True)
def root(
    context: typer.Context, version: Annotated[bool, typer.Option("--version", help="Print the version.")] = False
) -> None:
    if version:
        import valign

        print(valign.__version__)
    elif context.invoked_subcommand is None:
        print(context.get_help())


def main(arguments: list[str] | None = None) -> int:
    """Entry point of `valign`; returns the exit code (and leaves with it when called as a command)."""
    gc.set_threshold(1_000_000, 20, 20)  # importing makes many objects and little garbage: a tenth of a short run
    if arguments is None:
        from valign.experiments.stopping import stop_on_signals

        settle_streams()
        stop_on_signals()
    words = sys.argv[1:] if arguments is None else arguments
    before = TYPED.set(words)
    try:
        code = app(words, prog_name="valign", standalone_mode=False) or 0
    except KeyboardInterrupt:
        complain("interrupted")
        code = INTERRUPTED
    except BrokenPipeError:
        sys.stdout = None  # who read the output has gone; nothing more can be said
        code = FAILED
    except Exception as error:
        if not (hasattr(error, "format_message") and hasattr(error, "exit_code")):
            raise
        complain(*usage(error))
        code = WRONG_INPUT
    finally:
        TYPED.reset(before)
    if arguments is None:
        gc.freeze()  # else Python looks for garbage once more before it leaves: a tenth of a short run
        sys.exit(code)
    return int(code)


def settle_streams() -> None:
    """Output that was closed (`>&-`) goes nowhere; what the locale has no letter for is written as ?."""
    for name in ("stdin", "stdout", "stderr"):  # in the order of their numbers, which files would take otherwise
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, "r" if name == "stdin" else "w", encoding="utf-8"))  # noqa: SIM115
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")


if __name__ == "__main__":
    main()
