"""The gateway before an aggregator: clients' calls are unsealed here, its own alone, or relayed still sealed."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, Protocol, final

from cryptography import x509

from aggregator.wire.access import Access
from protocols.errors import (
    ConflictingReplay,
    LpmError,
    ManifestMismatch,
    NotEnrolled,
    NotJoined,
    NotSealed,
)
from protocols.identity.sealing_key import SealingKey
from protocols.sealing.handshake import accept
from protocols.sealing.messages import Handshake, SealedReply, SealedRequest
from protocols.sealing.route import Route
from protocols.sealing.session import SECRET_BYTES, SealedSession
from protocols.wire import codec
from protocols.wire.messages import Join, Letter, MaskedCall, Share
from protocols.wire.sealed_transport import unpack

STARTS: Final = 64  # of a client in a run
Start = tuple[bytes, SealedSession]  # its secret, and what that opens
CallHandler = Callable[[str, object], Awaitable[object]]


class Relay(Protocol):
    """The relay to another aggregator, for a call that is sealed to it."""

    async def forward(self, request: SealedRequest) -> SealedReply:
        """Pass a sealed call on."""


class SessionStore(Protocol):
    """The store in which sessions outlive the process."""

    def secrets(self, run: bytes) -> dict[str, bytes]:
        """Return the secrets of every client's sessions, one after the other."""

    def save_secret(self, run: bytes, client: str, secret: bytes) -> None:
        """Keep those of one client."""


@final
@dataclass(slots=True)
class RunGateway:
    """One run's part of the gateway.

    Attributes:
        run: its id.
        clients: whose calls it takes.
        key: this aggregator's, which the manifest pins.
        others: the way to each other aggregator, by name.
        sessions: of each client its secret and what it opens; one for each start of the client, the last one
            first.
    """

    run: bytes
    clients: frozenset[str]
    key: SealingKey = field(repr=False)
    others: Mapping[str, Relay] = field(repr=False)
    sessions: dict[str, tuple[Start, ...]] = field(repr=False, default_factory=dict)


@final
class Gateway:
    """Answers sealed calls: unseals them, asks the aggregator, and seals its reply.

    Security: the client of a call is who sealed it, whoever carried it. Calls of clients that come unsealed
        are refused.
    """

    def __init__(
        self,
        name: str,
        runs: Sequence[RunGateway],
        answer: CallHandler,
        *,
        secrets: SessionStore,
        authorities: Sequence[x509.Certificate],
        access: Access,
        leave_out: Callable[[bytes, str], None] = lambda run, client: None,
    ) -> None:
        """Go on with the sessions that the store kept.

        Args:
            name: of this aggregator.
            runs: the part of each run that is served.
            answer: the aggregator's.
            secrets: the store.
            authorities: whose certificates clients show.
            access: this operator's lists.
            leave_out: told a run and a client that was refused, so that no round waits for it.
        """
        self._name, self._answer, self._secrets = name, answer, secrets
        self._authorities, self._access, self._leave_out = authorities, access, leave_out
        self._runs: dict[bytes, RunGateway] = {}
        for run in runs:
            self.add(run)

    def add(self, run: RunGateway) -> None:
        """Serve one more run, with the sessions that the store kept of it."""
        run_id = run.run
        for client, kept in self._secrets.secrets(run_id).items():
            each = (kept[place : place + SECRET_BYTES] for place in range(0, len(kept), SECRET_BYTES))
            route = Route(run_id, client, self._name)
            run.sessions[client] = tuple((secret, SealedSession.of(route, secret)) for secret in each)
        self._runs[run_id] = run

    async def answer(self, caller: str, request: object) -> object:
        """Answer one call; `caller` is the name that the transport verified.

        Raises:
            NotSealed: a client's call that came unsealed, or cannot be unsealed.
            NotEnrolled, Revoked: the client may not take part here.
        """
        if isinstance(request, SealedRequest):
            return await self._answer_sealed(caller, request)
        if isinstance(request, Join | Share | MaskedCall | Letter):
            run = self._runs.get(request.run_id)
            if run is not None and caller in run.clients:
                raise NotSealed("a client's call came open; install a version that seals, and connect with it")
        return await self._answer(caller, request)

    async def _answer_sealed(self, caller: str, request: SealedRequest) -> SealedReply:
        run = self._runs.get(request.run_id)
        if run is None:
            raise ManifestMismatch("this aggregator serves no run of that id; compare the manifests")
        if request.client not in run.clients:
            raise NotEnrolled(f"the manifest lists no client {request.client}; ask the run's operator to enrol it")
        if caller != request.client and caller not in run.others:
            raise NotEnrolled(f"{caller} may not carry the calls of {request.client}")
        if request.to != self._name:
            return await self._pass_on(caller, run, request)
        self._admit(request)
        (secret, session), inner = self._open(run, request)
        if inner.run_id != request.run_id:
            raise ManifestMismatch("what was sealed belongs to another run; compare the manifests")
        before = run.sessions.get(request.client, ())
        if not isinstance(inner, Join | Letter) and all(known != secret for known, _ in before):
            raise NotJoined(f"{request.client} has not joined this run; join first")
        reply = await self._answer(request.client, inner)
        before = run.sessions.get(request.client, ())
        if isinstance(inner, Join) and all(known != secret for known, _ in before):
            starts = ((secret, session), *before)
            self._secrets.save_secret(request.run_id, request.client, b"".join(each for each, _ in starts))
            run.sessions[request.client] = starts
        return SealedReply(session.seal_reply(codec.encode(reply), counter=request.counter))

    def _admit(self, request: SealedRequest) -> None:
        try:
            self._access.check(request.client)
        except LpmError:
            self._leave_out(request.run_id, request.client)
            raise

    def _open(self, run: RunGateway, request: SealedRequest) -> tuple[Start, Join | Share | MaskedCall]:
        """Return the start of the client that a call belongs to, and the call; starts are few, the last one first."""
        starts = run.sessions.get(request.client, ())
        if request.handshake is not None:
            starts = (self._start(run, request, request.handshake, starts),)
        for place, start in enumerate(starts):
            try:
                return start, unpack(start[1].open_request(request.body, counter=request.counter))
            except NotSealed:
                if place + 1 == len(starts):
                    raise
        raise NotJoined(f"{request.client} has not joined this run; join first")

    def _start(self, run: RunGateway, request: SealedRequest, handshake: Handshake, starts: tuple[Start, ...]) -> Start:
        """Return what a join begins: a session for each start of a client."""
        route = Route(request.run_id, request.client, self._name)
        secret = accept(route, handshake, key=run.key, authorities=self._authorities)
        known = [start for start in starts if start[0] == secret]
        if not known and len(starts) >= STARTS:
            raise ConflictingReplay(
                f"{request.client} has joined with {STARTS} secrets, one for each start, and this run takes no "
                "more; take part in the next one"
            )
        return known[0] if known else (secret, SealedSession.of(route, secret))

    async def _pass_on(self, caller: str, run: RunGateway, request: SealedRequest) -> SealedReply:
        relay = run.others.get(request.to)
        if relay is None:
            raise NotEnrolled(f"the run has no aggregator {request.to} besides this one; compare the manifests")
        if caller != request.client:
            raise NotEnrolled(f"{caller} is an aggregator: it calls {request.to} itself")
        self._access.check(request.client)
        return await relay.forward(request)
