"""`valign page --site`: a folder for any web server, under a path of its own, with the headers that it names."""

from __future__ import annotations

import functools
import threading
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from valign.page import build

PAGE = '<meta http-equiv="Content-Security-Policy" content="default-src \'none\'; worker-src blob:">'


def test_a_site_is_the_page_with_headers_and_a_note():
    files = build.site(PAGE)
    assert set(files) == {"index.html", "_headers", "NOTE.txt"}
    assert files["index.html"] == PAGE
    assert (
        "  Content-Security-Policy: default-src 'none'; worker-src blob:; frame-ancestors 'self'\n" in files["_headers"]
    )
    assert all(word in files["NOTE.txt"] for word in ("'wasm-unsafe-eval'", "worker-src blob:", "add_header"))


@pytest.mark.parametrize(
    ("options", "message"),
    [(("--site", "file.txt"), "is a file; expected a folder"), (("--site", "a", "--out", "b"), "give one of")],
)
def test_where_no_site_can_be_is_said(options, message, tmp_path, monkeypatch):
    from valign.cli.page import page
    from valign.model.errors import InputError

    monkeypatch.chdir(tmp_path)
    Path("file.txt").write_text("", "utf-8")
    given = dict(zip(options[::2], map(Path, options[1::2]), strict=True))
    with pytest.raises(InputError, match=message):
        page(("two-services",), given.get("--out"), None, 1, 0, (), False, True, False, given["--site"])


@pytest.mark.browser
def test_it_runs_under_a_path_with_its_headers(browser, files, tmp_path):
    made = build.site(files["plain"].read_text("utf-8"))
    folder = tmp_path / "some" / "where"
    folder.mkdir(parents=True)
    for name, text in made.items():
        (folder / name).write_text(text, "utf-8")
    headers = [line.strip().split(": ", 1) for line in made["_headers"].splitlines()[1:]]
    asked: list[str] = []

    class Handler(SimpleHTTPRequestHandler):
        def end_headers(self):
            for name, value in headers:
                self.send_header(name, value)
            super().end_headers()

        def log_message(self, format, *args):
            asked.append(self.path)

    with ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Handler, directory=str(tmp_path))) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        page, wrong = browser.new_page(), []
        page.set_default_timeout(60_000)
        page.on("console", lambda message: wrong.append(message.text) if message.type == "error" else None)
        page.goto(f"http://127.0.0.1:{server.server_port}/some/where/")
        page.wait_for_function("() => !document.body.classList.contains('stale')")
        page.close()
        server.shutdown()
    assert wrong == []
    assert asked == ["/some/where/"]
