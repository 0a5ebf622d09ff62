"""From errors and warnings to one message and an exit code."""

from __future__ import annotations

import functools
import sys
import warnings
from collections.abc import Callable
from typing import Any

import typer

from .terminal import FAILED, INTERRUPTED, WRONG_INPUT, complain


def _shown(message: Warning | str, category: type[Warning], filename: str, lineno: int, *_: object) -> None:
    """A warning as a line for users; those of libraries as Python shows them."""
    if category.__module__.startswith("valign."):
        complain(str(message))
    else:
        print(warnings.formatwarning(message, category, filename, lineno), end="", file=sys.stderr)


def guarded(command: Callable[..., None]) -> Callable[..., None]:
    """Turn wrong input into one message and exit code 2, and Ctrl-C into 130."""

    @functools.wraps(command)
    def run(*args: Any, **kwargs: Any) -> None:
        try:
            with warnings.catch_warnings():
                warnings.showwarning = _shown
                command(*args, **kwargs)
        except KeyboardInterrupt as error:
            complain(str(error) or "interrupted; nothing was written: run the same command to start again")
            raise typer.Exit(INTERRUPTED) from None
        except RuntimeError as error:
            from valign.experiments.batch.executors import Stopped

            if not isinstance(error, Stopped):
                raise
            complain(str(error))
            raise typer.Exit(FAILED) from None
        except BrokenPipeError:
            raise
        except (ValueError, OSError, MemoryError) as error:
            from valign.model.errors import InputError
            from valign.results.checkpoint import FAILURES, StoreError, Unwritten

            if isinstance(error, InputError):
                complain(
                    *(
                        error.problems
                        if len(error.problems) == 1
                        else (f"{len(error.problems)} problems", *error.problems)
                    )
                )
            elif isinstance(error, StoreError):
                complain(str(error))
            elif isinstance(error, OSError):
                complain(f"{error.filename or 'input or output'}: {error.strerror or error}")
            elif isinstance(error, MemoryError):
                complain("not enough memory: use fewer people or fewer runs")
                raise typer.Exit(FAILED) from None
            else:
                raise
            failed = isinstance(error, Unwritten) or (isinstance(error, OSError) and error.errno in FAILURES)
            raise typer.Exit(FAILED if failed else WRONG_INPUT) from None

    return run


def drawing(command: Callable[..., None]) -> Callable[..., None]:
    """As `guarded`, of a command that draws figures: a second process loads at once what that takes."""

    @functools.wraps(command)
    def run(*args: Any, **kwargs: Any) -> None:
        from valign.results.figures.helper import helped

        with helped():
            command(*args, **kwargs)

    return guarded(run)


def usage(error: Any) -> list[str]:
    """The message of a wrong command line, with the nearest names and where help is."""
    context = getattr(error, "ctx", None)
    path = context.command_path if context is not None else "valign"
    return [error.format_message(), f"`{path} --help` lists the arguments and options"]
