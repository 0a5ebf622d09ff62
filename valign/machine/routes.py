"""The pages and the small interface of JSON over HTTP that they ask.

    GET    /?scenario=NAME            the page of a shipped scenario, or of one that was read
    POST   /api/files?name=NAME       keep an upload (the body as it is); {"id"}
    POST   /api/jobs                  ask for something (`situation.Asked`); what `Job.said` says
    GET    /api/jobs/ID[?wait=1]      how far it is, and what came of it (wait: when it has ended, or in a while)
    DELETE /api/jobs/ID               it is not wanted any more
    GET    /api/jobs/ID/FILE          report.html, results.zip, figures

All but pages and files of results ask for the page's token in a header (`visitors`).
"""

from __future__ import annotations

import asyncio
import json
import re
import time
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import ClientDisconnect, Request
from starlette.responses import FileResponse, HTMLResponse, JSONResponse, Response
from starlette.routing import Route

from .ceiling import Ceiling
from .gate import Gate
from .kept import Kept
from .turns import DONE, Full, Job, Turns
from .visitors import HOUSE, MOST_ALIVE, Visitor, Visitors

TOKEN = "@token@"  # in a page that was made: the visitor's comes in its place
MOST_JSON = 200_000
PATIENCE = 1.2  # seconds in which a page may still be made before another tells that it is
WAIT = 20.0
SANDBOX = "sandbox; default-src 'none'; style-src 'unsafe-inline'; img-src 'self' data:"  # reports run no scripts
SHOWN = re.compile(r"report\.html|results\.zip|[a-z0-9_-]{1,60}\.svg", re.ASCII)
BUSY = "So many questions are waiting on this machine that no more are taken just now: try again in a minute."
WAITING_PAGE = """<!doctype html>
<html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="refresh" content="1"><title>valign</title><link rel="icon" href="data:,">
<style>body { font: 16px/1.45 system-ui, sans-serif; margin: 12vh auto; max-width: 60ch; padding: 0 20px }</style>
<h1>How innovations spread in social care</h1>
<p>valign simulates services, the people in them and those who pay for them, month by month, and shows what may come of
an innovation and how sure that is.</p>
<p role="status">The page of this scenario is being made; it opens by itself.</p></html>
"""


class Machine:
    """What the routes share. first: the scenario that is shown where none is asked for."""

    def __init__(self, folder: Path, kept: Kept, first: str, own: Path | None) -> None:
        self.turns = Turns()
        self.visitors = Visitors(folder, self.turns)
        self.kept, self.first, self.own = kept, first, own
        self.pages: dict[str, Job] = {}
        self.leaving = False  # nobody is kept waiting any more

    def begin(self) -> None:
        """What the server was started with is read, and its page made, before anybody asks."""
        if self.own is not None:
            asked = {"kind": "read", "owner": True, "files": {"scenario": str(self.own)}, "body": {"kind": "read"}}
            self.first = self.visitors.ask(HOUSE, asked).id
        elif self.kept.page(self.first) is None:
            self.page_job(HOUSE, self.first)

    # --- pages -------------------------------------------------------------------------------------------------------
    def source(self, visitor: Visitor | None, name: str) -> dict[str, str] | None:
        """Where a scenario comes from: it ships, or it is one that this visitor (or the house) has had read."""
        if name in self.kept.shipped:
            return {"name": name}
        job = self.turns.jobs.get(name)
        own = job is not None and job.visitor in (HOUSE, visitor.id if visitor else HOUSE)
        if job is None or not own or job.asked["kind"] != "read" or job.state != DONE:
            return None
        return {"folder": str(job.folder / "society")}

    def page_job(self, visitor: str, name: str) -> Job | None:
        """The job that makes the page of a scenario; None where there is none such."""
        source = self.source(self.visitors.known.get(visitor), name)
        if source is None:
            return None
        job = self.pages.get(name)
        if job is None or job.id not in self.turns.jobs:
            owner = HOUSE if "name" in source else visitor
            job = self.pages[name] = self.visitors.ask(owner, {"kind": "page", "scenario": name, "source": source})
        return job

    async def page(self, visitor: Visitor, name: str) -> str | Job | None:
        """The page of a scenario as text; the job where it is not made yet or cannot be; None: no such scenario."""
        if (text := self.kept.page(name)) is not None:
            return text
        read = self.visitors.job(visitor, name)
        if read is not None and read.state != DONE and read.asked["kind"] == "read":
            read.seen = time.monotonic()
            return read
        job = self.page_job(visitor.id, name)
        if job is None:
            return None
        job.seen = time.monotonic()
        with suppress(TimeoutError):
            await asyncio.wait_for(job.ended.wait(), PATIENCE)
        if job.state != DONE:
            if not job.alive:  # the next who asks tries again
                self.pages.pop(name, None)
            return job
        text = (job.folder / "page.html").read_text("utf-8")
        if name in self.kept.shipped:
            self.kept.keep(name, text)
            self.pages.pop(name, None)
            self.turns.forget(job)
        return text


def machine(request: Request) -> Machine:
    return request.app.state.machine


def cookie(request: Request) -> str:
    """Name of the visitor's cookie: cookies know no ports."""
    return f"valign-visitor-{request.url.port or 80}"


async def page(request: Request) -> Response:
    """A page, with a visitor of its own where the browser has none."""
    here = machine(request)
    visitor = here.visitors.of(request.cookies.get(cookie(request)))
    new = visitor is None
    visitor = visitor or here.visitors.new()
    name = request.query_params.get("scenario", here.first)[:100]
    try:
        found = await here.page(visitor, name)
    except Full:
        return told(503, BUSY)
    if isinstance(found, str):
        answer: Response = HTMLResponse(found.replace(TOKEN, here.visitors.token(visitor), 1))
    elif found is None:
        answer = told(404, f"There is no scenario {name!r} here, or it is somebody else's. The page itself is at /")
    elif found.alive:
        answer = HTMLResponse(WAITING_PAGE)
    else:
        answer = told(422, *found.problems)
    answer.headers["cache-control"] = "no-store"
    if new:
        answer.set_cookie(cookie(request), visitor.id, httponly=True, samesite="strict", path="/")
    return answer


# --- the interface ---------------------------------------------------------------------------------------------------
def told(status: int, *problems: str) -> Response:
    return JSONResponse({"problems": list(problems)}, status)


def known(request: Request) -> Visitor | None:
    """The visitor whose page asks, if it is one."""
    here = machine(request).visitors
    visitor = here.of(request.cookies.get(cookie(request)))
    if visitor is None or not here.is_token(visitor, request.headers.get("x-valign", "")):
        return None
    return visitor


async def body(request: Request) -> bytes | None:
    """What was sent; None where the sender has gone."""
    try:
        return await request.body()
    except ClientDisconnect:
        return None


async def add_file(request: Request) -> Response:
    if (visitor := known(request)) is None:
        return told(403, NOT_KNOWN)
    content = await body(request)
    if not content:
        return told(400, "The file is empty.")
    id_ = machine(request).visitors.add_file(visitor, request.query_params.get("name", "file"), content)
    return JSONResponse({"id": id_})


async def ask(request: Request) -> Response:
    """Put a question into the queue. What is wrong with it, its job says."""
    here = machine(request)
    if (visitor := known(request)) is None:
        return told(403, NOT_KNOWN)
    sent = await body(request)
    if sent is None or len(sent) > MOST_JSON:
        return told(413, "This question is too long.")
    try:
        asked: Any = json.loads(sent)
    except (ValueError, RecursionError):
        asked = None
    if not isinstance(asked, dict) or not isinstance(asked.get("kind"), str) or asked["kind"] == "page":
        return told(400, "This is no question that a page asks.")
    scenario, files = asked.get("scenario") or here.first, asked.get("files") or {}
    if not isinstance(scenario, str) or not isinstance(files, dict) or not all(map(_is_text, files.values())):
        return told(400, "This is no question that a page asks.")
    if missing := [kind for kind, id_ in files.items() if id_ not in visitor.files]:
        return told(404, f"The file for {str(missing[0])[:40]!r} is not here any more: choose it again.")
    source = here.source(visitor, scenario)
    if source is None:
        return told(404, f"There is no scenario {scenario[:100]!r} here, or it is somebody else's.")
    alive = [job for job in here.visitors.jobs(visitor.id) if job.alive and job.asked["kind"] != asked["kind"]]
    if len(alive) >= MOST_ALIVE:
        return told(429, f"{len(alive)} of your questions are being worked on: wait for one, or stop one.")
    paths = {kind: str(visitor.files[id_]) for kind, id_ in files.items()}
    try:
        job = here.visitors.ask(
            visitor.id, {"kind": asked["kind"][:40], "body": asked, "source": source, "files": paths}
        )
    except Full:
        return told(503, BUSY)
    return JSONResponse(job.said(), 202)


def _is_text(value: object) -> bool:
    return isinstance(value, str)


async def job(request: Request) -> Response:
    here = machine(request)
    visitor = known(request)
    if visitor is None:
        return told(403, NOT_KNOWN)
    found = here.visitors.job(visitor, request.path_params["id"])
    if request.method == "DELETE":  # of what is gone already, or is not theirs: nothing happens
        if found is not None and found.visitor == visitor.id:
            here.turns.forget(found)
        return Response(status_code=204)
    if found is None:
        return told(404, "This question is not known here any more.")
    found.seen = time.monotonic()
    if request.query_params.get("wait"):
        before, until = found.said(), time.monotonic() + WAIT
        while not here.leaving and found.alive and found.result == before["result"] and time.monotonic() < until:
            with suppress(TimeoutError):
                await asyncio.wait_for(found.ended.wait(), 0.2)
        found.seen = time.monotonic()
    return JSONResponse(found.said())


async def file(request: Request) -> Response:
    """A file of results, which a browser opens or saves: the cookie says whose they are."""
    here = machine(request)
    visitor = here.visitors.of(request.cookies.get(cookie(request)))
    found = visitor and here.visitors.job(visitor, request.path_params["id"])
    name = request.path_params["name"]
    if not found or found.state != DONE or not SHOWN.fullmatch(name):
        return told(404, "There is no such file here.")
    path = found.folder / name if name.endswith(".zip") else found.folder / "results" / name
    if not path.is_file():
        return told(404, "There is no such file here.")
    headers = {"content-security-policy": SANDBOX, "cache-control": "no-store"}
    return FileResponse(path, headers=headers, filename=name if name.endswith(".zip") else None)


NOT_KNOWN = "This page is not known here (any more): open it again."


def application(here: Machine, hosts: frozenset[str], token: str | None) -> Starlette:
    """The server as an ASGI application. hosts, token: see `Gate`."""

    @asynccontextmanager
    async def living(_: Starlette) -> Any:
        working = asyncio.create_task(here.turns.serve())
        await asyncio.sleep(0)
        here.begin()
        yield
        working.cancel()
        with suppress(asyncio.CancelledError):
            await working

    routes = [
        Route("/", page),
        Route("/api/files", add_file, methods=["POST"]),
        Route("/api/jobs", ask, methods=["POST"]),
        Route("/api/jobs/{id}", job, methods=["GET", "DELETE"]),
        Route("/api/jobs/{id}/{name}", file),
    ]
    middleware = [Middleware(Gate, hosts=hosts, token=token), Middleware(Ceiling)]
    app = Starlette(routes=routes, middleware=middleware, lifespan=living)
    app.state.machine = here
    return app
