"""The process of one job: it loads what jobs need, waits to be told, answers in lines of JSON, and ends."""

from __future__ import annotations

import contextlib
import io
import json
import os
import sys
from typing import IO, Any


def main() -> None:
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)  # what a command prints is no answer
    from . import asked  # which loads the rest

    if line := sys.stdin.readline():
        work(json.loads(line), answers, asked.answer)
    answers.close()
    os._exit(0)  # nothing is left to tidy


def work(given: dict[str, Any], answers: IO[str], answer: Any) -> None:
    """Do one job; what is wrong with it is answered too."""
    from valign.model.errors import InputError

    def say(**said: Any) -> None:
        answers.write(json.dumps(said) + "\n")
        answers.flush()

    os.makedirs(given["folder"], exist_ok=True)
    os.chdir(given["folder"])
    try:
        with contextlib.redirect_stderr(Heard(say)):
            found = answer(given, say)
        if found is not None:
            say(result={**found, "whole": True})
    except InputError as error:
        say(problems=error.problems)
    except MemoryError:
        say(problems=["There is not enough memory for this: use fewer people or fewer runs."])


class Heard(io.TextIOBase):
    """Standard error of a command: complaints become problems, all else tells how far it is."""

    def __init__(self, say: Any) -> None:
        self.say, self.rest, self.complaint = say, "", False

    def write(self, text: str) -> int:
        *lines, self.rest = (self.rest + text).split("\n")
        for line in lines:
            self.complaint = line.startswith("valign: ") or (self.complaint and line.startswith("  "))
            if self.complaint:
                self.say(problems=[line.removeprefix("valign: ").strip()])
            elif line.strip():
                self.say(told=line.strip())
        return len(text)

    def flush(self) -> None:
        pass


if __name__ == "__main__":
    main()
