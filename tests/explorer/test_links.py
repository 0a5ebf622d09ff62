"""The link holds the whole state of the page; a wrong or hostile one is refused with everything wrong with it."""

from __future__ import annotations

import base64
import random
import zlib
from urllib.parse import parse_qsl

import pytest
from explorer_cases import CHANGED, TEXT

from valign.explorer.state import Settings, decode, encode
from valign.model.errors import InputError
from valign.model.parameters import MECHANISMS, PARAMETERS


def restored(query: str):
    return decode(parse_qsl(query))


def test_a_link_restores_the_state():
    own = Settings("mine", TEXT.replace("two-services", "mine"), level="natural", changes=())
    for now, pinned, view in (
        (Settings(), None, "results"),
        (CHANGED, Settings("housing-first"), "compare"),
        (own, CHANGED, "society"),
    ):
        assert restored(encode(now, pinned, view)) == (now, pinned, view)
        assert restored(encode(now, pinned, view, ["upload", "pin.upload"])) == (now, pinned, view)


def test_any_slider_and_switch_survives_the_link():
    draw = random.Random(1)
    for name, p in PARAMETERS.items():
        value = draw.uniform(p.low, p.high)
        value = float(round(value)) if p.integer else value
        settings = Settings(parameters={name: value}, mechanisms={draw.choice(MECHANISMS): False})
        assert restored(encode(settings))[0] == settings


def test_a_wrong_link_is_told_everything_that_is_wrong_with_it():
    query = {
        "scenario": "two-services",
        "slak": ".1",
        "off": "dialog",
        "level": "nan",
        "view": "everything",
        "broadcast": "1e999",
        "pin.months": "x",
    }
    with pytest.raises(InputError) as error:
        decode(list(query.items()))
    text = "\n".join(error.value.problems)
    for word in ("did you mean", "'slack'", "'dialogue'", "level", "everything", "broadcast", "months"):
        assert word in text


@pytest.mark.parametrize("pairs", [
    [("scenario", "/etc/passwd")], [("scenario", "../two-services")], [("scenario", "medical-innovation\0")],
    [("toml", base64.urlsafe_b64encode(zlib.compress(b"a" * 10**8)).decode())], [("change", "[" * 50_000)],
    [("toml", "x" * 10**6)], [("months", "1e400")], [("months", "100000")], [("level", "2")], [("slack", "-1")],
    [("change", '{"month": 12, "parameter": "__class__", "set": 1}')],
])  # fmt: skip
def test_a_hostile_link_is_refused(pairs):
    with pytest.raises(InputError):
        decode(pairs)


def test_a_link_that_is_too_long_is_said_to_be():
    noise = "".join(random.Random(1).choices("abcdefghijklmnopqrstuvwxyz", k=60_000))
    with pytest.raises(InputError, match="link"):
        encode(Settings("mine", TEXT + f"\n# {noise}"))
