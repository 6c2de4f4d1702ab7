"""The pages and what they ask for: lists, journals as server-sent events, bands, operators."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any, Final

import msgspec
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import FileResponse, Response, StreamingResponse
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

from lpm_secure.monitor.bands import MAX_FILE, forecast_band, series_bands
from lpm_secure.monitor.line_tail import LineTail
from lpm_secure.monitor.operator_view import OperatorView
from lpm_secure.monitor.regular_file import read_regular
from lpm_secure.monitor.runs import PAGES, card_of, cards, events_of, folders_of
from lpm_secure.report.page import SCRIPT
from lpm_secure.report.progress import FILE
from protocols.errors import ParameterError

STATIC: Final = Path(__file__).parent / "static"
POLL_S: Final = 0.25
QUIET: Final = 40  # polls without news, after which a line keeps the connection open
LISTS: Final = 4  # polls between two looks at a list, or at an operator's aggregator
MOST_STREAMS: Final = 64
LINES: Final = 500  # of a journal in one message
REPORT_POLICY: Final = (  # a report has its script in the page; it gets an origin of its own, and reads nothing here
    "sandbox allow-scripts; default-src 'none'; script-src 'self' 'unsafe-inline'; "
    "style-src 'unsafe-inline'; img-src data: blob:; frame-ancestors 'none'"
)
SCRIPT_PATH: Final = f"/runs/{SCRIPT}"
Endpoint = Callable[[Request], Awaitable[Response]]


def application_of(root: Path, operators: Mapping[str, OperatorView]) -> Starlette:
    """Return the application.

    Args:
        root: folder of runs, or of one run.
        operators: of aggregators whose pages are shown, by name.

    Security: of a run it opens its journal, its series, the forecast of all places together and its reports, by names
        that it has listed itself, and none of them through a link; the folders of its parties are never opened.
    """
    streams = asyncio.Semaphore(MOST_STREAMS)

    def folder_of(request: Request) -> Path:
        folder = folders_of(root).get(request.path_params["run"])
        if folder is None:
            raise HTTPException(404, "there is no such run")
        return folder

    def operator_of(request: Request) -> OperatorView:
        operator = operators.get(request.path_params["operator"])
        if operator is None:
            raise HTTPException(404, "no page of that operator was asked for; lpm serve --operator FOLDER")
        return operator

    def stream(messages: AsyncIterator[bytes]) -> Response:
        if streams.locked():
            raise HTTPException(503, "too many pages are open; close some")

        async def limited() -> AsyncIterator[bytes]:
            async with streams:
                async for message in messages:
                    yield message

        return StreamingResponse(limited(), media_type="text/event-stream")

    async def list_events(request: Request) -> Response:
        return stream(_changes(lambda: {"runs": cards(root), "operators": list(operators)}))

    async def run_events(request: Request) -> Response:
        folder = folder_of(request)
        return stream(_journal(folder.resolve().name, folder, request.headers.get("last-event-id", "")))

    async def operator_events(request: Request) -> Response:
        return stream(_changes(operator_of(request).status))

    async def bands(request: Request) -> Response:
        return await _table(series_bands, folder_of(request))

    async def forecast(request: Request) -> Response:
        return await _table(forecast_band, folder_of(request))

    async def report(request: Request) -> Response:
        folder, page = folder_of(request), request.path_params["page"]
        content = await run_in_threadpool(read_regular, folder / page, MAX_FILE) if page in PAGES else None
        if content is None:
            raise HTTPException(404, "there is no such page")
        return Response(content, media_type="text/html", headers={"content-security-policy": REPORT_POLICY})

    async def script(request: Request) -> Response:
        for place in (root.resolve(), root.resolve().parent):
            content = await run_in_threadpool(read_regular, place / SCRIPT, MAX_FILE)
            if content is not None:
                policy = {"cross-origin-resource-policy": "cross-origin"}
                return Response(content, media_type="text/javascript", headers=policy)
        raise HTTPException(404, "no run of this folder has plots")

    def page(name: str, check: Callable[[Request], Any] = lambda request: None) -> Endpoint:
        async def answer(request: Request) -> Response:
            check(request)
            return FileResponse(STATIC / name)

        return answer

    return Starlette(
        routes=[
            Route("/", page("index.html")),
            Route(SCRIPT_PATH, script),
            Route("/runs/{run}", page("run.html", folder_of)),
            Route("/operators/{operator}", page("operator.html", operator_of)),
            Route("/api/runs", list_events),
            Route("/api/runs/{run}/events", run_events),
            Route("/api/runs/{run}/bands", bands),
            Route("/api/runs/{run}/forecast", forecast),
            Route("/api/operators/{operator}", operator_events),
            Route("/runs/{run}/{page}", report),
            Mount("/static", StaticFiles(directory=STATIC)),
        ],
    )


async def _table(read: Callable[[Path], dict[str, Any]], folder: Path) -> Response:
    try:
        content = await run_in_threadpool(read, folder)
    except ParameterError:
        return Response(b"null", media_type="application/json")  # the page says that there is none
    return Response(msgspec.json.encode(content), media_type="application/json")


async def _changes(look: Callable[[], Any]) -> AsyncIterator[bytes]:
    """Yield what there is to see, now and whenever it is something else."""
    before, quiet = b"", 0
    while True:
        now = msgspec.json.encode(await run_in_threadpool(look))
        quiet = 0 if now != before else quiet + LISTS
        if now != before:
            yield b"data: " + now + b"\n\n"
        elif quiet > QUIET:
            quiet = 0
            yield b": still here\n\n"
        before = now
        await asyncio.sleep(LISTS * POLL_S)


async def _journal(name: str, folder: Path, last: str) -> AsyncIterator[bytes]:
    """Yield lines of a journal as they are written, from the offset that a page has seen; and how the run stands."""
    tail, card, quiet = LineTail(folder / FILE), b"", 0
    with contextlib.suppress(ValueError):
        tail.offset = max(int(last), 0)
    while True:
        before = tail.offset
        lines = await run_in_threadpool(tail.read)
        if tail.offset < before or (before and not tail.offset):
            yield b"event: anew\ndata: {}\n\n"
        events = list(events_of(lines))
        for start in range(0, len(events), LINES):
            content = msgspec.json.encode(events[start : start + LINES])
            number = b"id: %d\n" % tail.offset if start + LINES >= len(events) else b""
            yield number + b"data: " + content + b"\n\n"
        if lines or not quiet % LISTS:
            now = msgspec.json.encode(await run_in_threadpool(card_of, name, folder))
            if now != card:
                card = now
                yield b"event: card\ndata: " + now + b"\n\n"
        quiet = 0 if lines else quiet + 1
        if quiet and not quiet % QUIET:
            yield b": still here\n\n"
        await asyncio.sleep(POLL_S)
