"""Who may look: whoever has the token of this start, by names of this machine alone."""

import hmac
import secrets
from collections.abc import Awaitable, Callable, MutableMapping
from dataclasses import dataclass, field
from typing import Any, Final, final

from starlette.datastructures import Headers, MutableHeaders, QueryParams
from starlette.requests import Request
from starlette.responses import PlainTextResponse, RedirectResponse

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]
TOKEN_BYTES: Final = 32
POLICY: Final = "default-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; object-src 'none'"
HEADERS: Final = {
    "content-security-policy": POLICY,
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "cache-control": "no-store",
}
NO_TOKEN: Final = "Open the address that `lpm serve` printed: it has the token of this start.\n"  # noqa: S105
NO_HOST: Final = "This server is not known by that name; open the address that `lpm serve` printed.\n"


def new_token() -> str:
    """Return a token from the system's randomness."""
    return secrets.token_urlsafe(TOKEN_BYTES)


@final
@dataclass(frozen=True, slots=True, eq=False)
class AccessGate:
    """Stands before an application.

    Attributes:
        app: behind it.
        token: that the first address has, and a cookie from then on.
        hosts: what a request may call this server, with the port.
        cookie: its name; servers on other ports of a machine have others.
        open_paths: what needs no token: a library that everybody has.

    Security: a page of another site can make a browser send requests here; it reads no answer, since its origin is
        another one, and it gets none, since the cookie is SameSite. A name of its own that it lets point to this
        machine is refused by the Host header. The cookie is HttpOnly; a browser that opens a page
        of another port of this name sends it there too. Over a network all this goes in the clear.
    """

    app: App
    token: str = field(repr=False)
    hosts: frozenset[str]
    cookie: str = "lpm"
    open_paths: frozenset[str] = frozenset()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let a request through, or refuse it."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return

        async def guarded(message: MutableMapping[str, Any]) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in HEADERS.items():
                    headers.setdefault(name, value)
            await send(message)

        await self._answer(scope)(scope, receive, guarded)

    def _answer(self, scope: Scope) -> App:
        """Return what answers a request."""
        if Headers(scope=scope).getlist("host") not in [[host] for host in self.hosts]:
            return PlainTextResponse(NO_HOST, status_code=421)
        given = QueryParams(scope["query_string"]).get("token")
        if given is not None and self._is_token(given):
            response = RedirectResponse("/" + scope["path"].lstrip("/"), status_code=303)
            response.set_cookie(self.cookie, self.token, httponly=True, samesite="strict", path="/")
            return response
        if scope["path"] in self.open_paths or self._is_token(Request(scope).cookies.get(self.cookie, "")):
            return self.app
        return PlainTextResponse(NO_TOKEN, status_code=401)

    def _is_token(self, given: str) -> bool:
        return hmac.compare_digest(given.encode(), self.token.encode())
