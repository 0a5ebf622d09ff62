"""Hostile uploads and messages to a running explorer, over HTTP and over the raw socket: is it impressed?

    python -m tests.faults.messages --messages 1000

Two visitors have the page open. Uploads and messages are sent in the name of the first: values that no control gives,
elements and listeners that do not exist, wrong types, numbers beyond all bounds, deep nesting, frames that are no JSON,
frames and bodies that are far too large. Each is answered by a message on the first page, by an ordinary answer, or by
a refusal; the server goes on, the first page still works, and the second shows what it showed.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import random
import tempfile
import urllib.error
import urllib.request
from collections import Counter
from pathlib import Path
from typing import Any

from tests.serving import Server, arrived, chromium, explorer, uptake

ELEMENTS = """() => Object.entries(document.querySelector('#app')._vnode.component.proxy.elements).map(([id, each]) => [
  Number(id), each.props?.url ?? '', (each.events ?? []).map(event => event.listener_id)])"""
NAN, HUGE = "NaN", "1" + "0" * 400
DEEP = "[" * 5_000 + "]" * 5_000
SCRIPT = json.dumps("<script>window.hit = true</script>")
ANSWERED = "() => document.querySelector('.problems').textContent || document.querySelector('.status').textContent"


def value(chance: random.Random) -> str:
    """JSON (or nearly) that no control of the page sends."""
    return chance.choice((
        NAN, "Infinity", HUGE, "-" + HUGE, "1e308", "-1", "null", "true", '""', '"nan"', '"\\u0000"', SCRIPT, "[]",
        "{}", '{"value": 10000000}', '{"value": "x", "label": 3}', '[{"value": -5}]', '"/etc/passwd"', '"p999999"',
        '"s-1"', '["__class__"]', DEEP, '"' + "9" * 5_000 + '"', '[[1, 2], {"a": null}]',
        str(chance.uniform(-1e6, 1e6)), json.dumps({"value": chance.randint(-9, 999), "label": "x"}),
    ))  # fmt: skip


def frame(chance: random.Random, client: str, elements: list[Any]) -> str:
    """A socket.io frame: an event for some listener, or something worse."""
    listening = [(id_, listener) for id_, _, listeners in elements for listener in listeners]
    id_, listener = chance.choice(listening)
    args = json.dumps([value(chance)] if chance.random() < 0.9 else [value(chance), value(chance)])
    kind = chance.random()
    if kind < 0.7:
        return f'42["event",{{"id":{id_},"client_id":"{client}","listener_id":"{listener}","args":{args}}}]'
    if kind < 0.85:
        wrong = {
            "id": chance.choice((str(id_), "-1", '"x"', "[]", "{}", "null", HUGE, NAN)),
            "listener_id": chance.choice((f'"{listener}"', '"none"', "[]", "null", "7")),
            "client_id": chance.choice((f'"{client}"', '"someone"', "null", "[]", "{}")),
        }
        inside = ",".join(f'"{key}":{each}' for key, each in wrong.items() if chance.random() < 0.9)
        return f'42["event",{{{inside},"args":{chance.choice((args, "7", "null", DEEP))}}}]'
    name = chance.choice(("javascript_response", "ack", "log", "handshake", "nothing", "__init__"))
    inside = chance.choice(
        (
            f'{{"client_id":"{client}","next_message_id":{value(chance)}}}',
            "7",
            "null",
            "[]",
            DEEP,
            f'{{"client_id":"{client}","request_id":"x","result":{value(chance)}}}',
            f'{{"client_id":"{client}","level":"x","message":{SCRIPT}}}',
        )
    )
    whole = f'42["{name}",{inside}]'
    return chance.choice(
        (
            whole,
            whole,
            whole,
            "42[",
            "45",
            "9",
            "",
            "42" + DEEP,
            '43["event"]',
            "4" + "2" * 5_000,
            f'42["event",{{"args":"{"x" * 200_000}"}}]',
        )
    )


def send(server: Server, client: str, text: str) -> str:
    """Send a frame over a socket of its own and see whether the server closes it."""
    from websockets.exceptions import WebSocketException
    from websockets.sync.client import connect

    query = f"?EIO=4&transport=websocket&client_id={client}"
    address = server.address.replace("http", "ws") + "_nicegui_ws/socket.io/" + query
    with contextlib.suppress(WebSocketException), connect(address, open_timeout=60) as line:
        line.recv(60)
        line.send("40")
        line.recv(60)
        line.send(text)
        line.send('42["nothing",{}]')
        with contextlib.suppress(TimeoutError):
            while True:
                line.recv(0.05)
        return "taken"
    return "line closed"


def upload(server: Server, url: str, chance: random.Random) -> str:
    """Post a hostile file to an upload of the page."""
    content = chance.choice((
        b"", b"\0" * 1000, b"\xff\xfe" * 500, b"a,b\n" * 1000, b'months = "x"', b"[" * 20_000, b"x" * 300_000,
        b"name = 1e999\n", b"id,organisation,role\n,,\n", b"from,to\na,a\n", bytes(chance.choices(range(256), k=3000)),
        b"x" * 6_000_000,
    ))  # fmt: skip
    part = b'--line\r\nContent-Disposition: form-data; name="file"'
    head = part + b'; filename="../../x.toml"\r\n\r\n'
    body = head + content + b"\r\n--line--\r\n"
    if chance.random() < 0.1:
        body = chance.choice((b"", content, head, part + b"\r\n\r\n7\r\n--line--"))
    asked = urllib.request.Request(
        server.address.rstrip("/") + url,
        body,
        {"Content-Type": chance.choice(("multipart/form-data; boundary=line",) * 9 + ("text/plain",))},
    )
    try:
        with urllib.request.urlopen(asked, timeout=60) as answer:
            return f"upload {answer.status}"
    except urllib.error.HTTPError as error:
        return f"upload {error.code}"
    except OSError:
        return "upload: line closed"


def fuzz(server: Server, browser: Any, messages: int, seed: int = 1) -> Counter[str]:
    """Send so many. Raises AssertionError when the server or a page is impressed. Returns how they were answered."""
    chance, answers = random.Random(seed), Counter()
    first, second = (browser.new_page(viewport={"width": 1280, "height": 800}) for _ in range(2))
    for page, view in ((first, "claims"), (second, "results")):
        page.set_default_timeout(120_000)
        page.goto(f"{server.address}?months=12&view={view}")
        arrived(page)
    second.locator(".grid svg polyline").first.wait_for()
    before = uptake(second)
    for n in range(messages):
        if n % 100 == 0:  # a page that was reloaded, or whose view was changed, has other elements
            client, elements = first.evaluate("() => window.clientId"), first.evaluate(ELEMENTS)
            uploads = [url for _, url, _ in elements if url]
            assert uploads
        if chance.random() < 0.25:
            answers[upload(server, chance.choice(uploads), chance)] += 1
        else:
            answers[send(server, client, frame(chance, client, elements))] += 1
        said = first.evaluate("() => document.querySelector('.problems').textContent")
        answers["with a message on the page"] += bool(said)
        assert server.process.poll() is None, "the server is gone"
    assert not first.evaluate("() => window.hit === true"), "a script ran"
    assert uptake(second) == before, "another visitor's page has changed"
    assert second.locator(".problems:not(:empty)").count() == 0
    second.locator(".lever-coproduction_intensity").first.focus()
    for _ in range(10):
        second.keyboard.press("ArrowRight")
    second.wait_for_function(
        "before => document.querySelector('.grid svg polyline').getAttribute('points') !== before", arg=before
    )
    first.goto(f"{server.address}?months=12")
    arrived(first)
    first.locator(".grid svg polyline").first.wait_for()
    assert uptake(first) == before
    for page in (first, second):
        page.close()
    return answers


if __name__ == "__main__":
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--messages", type=int, default=1000)
    with tempfile.TemporaryDirectory() as folder, explorer(Path(folder)) as running, chromium() as window:
        for what, times in fuzz(running, window, options.parse_args().messages).most_common():
            print(f"{what}: {times}")
        print(f"tracebacks in the server's log: {running.log.read_text('utf-8').count('Traceback')}")
        print(f"memory: {running.memory():.0f} MB")
