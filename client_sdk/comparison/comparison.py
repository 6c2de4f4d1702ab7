"""A client's comparison of its contacts with all other clients, through the mailbox of one aggregator."""

import asyncio
import hashlib
import hmac
import logging
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Annotated, Final, final

import msgspec
from cryptography import x509

from client_sdk.comparison.cross_contacts import Items
from client_sdk.comparison.pair import Pair, PairSeal
from protocols import canonical_json
from protocols.errors import ConflictingReplay, NotSealed, ParameterError, RunEnded, WireError
from protocols.identity.certificates import Credentials
from protocols.sealing.handshake import MAX_CERTIFICATE, sign, verify
from protocols.sealing.messages import Handshake
from protocols.sealing.route import Route
from protocols.wire.messages import Letter, LetterReply
from protocols.wire.transport import Transport

LOG: Final = logging.getLogger("client")
KEY, CONTACTS, ANSWER, VERDICT = range(4)  # letters of a pair
POLL_S: Final = 0.1
CALL_S: Final = 30.0
Part = Annotated[bytes, msgspec.Meta(max_length=MAX_CERTIFICATE)]
Missing = Mapping[str, Sequence[int] | None]
Seals = Mapping[str, PairSeal]


@final
class PairOpening(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A client's first letter to another one: its key for the pair, signed by the key of its certificate."""

    key: Part
    certificate: Part
    signature: Part


@final
@dataclass(frozen=True, slots=True, eq=False)
class ContactComparison:
    """One client's part.

    Attributes:
        run: its id.
        name: of the client.
        transport: to the aggregator whose mailbox all use.
        credentials: of the client; the run's authority says who the others are.
        secret: 32 bytes from the system, kept for the run.
        timeout_s: how long it waits for the others' letters.
    """

    run: bytes
    name: str
    transport: Transport
    credentials: Credentials
    secret: bytes = field(repr=False)
    timeout_s: float

    async def compare(self, items: Items) -> tuple[Missing, Seals]:
        """Return which of the own contacts each other client lacks, by their places, and what verdicts are sealed by.

        Of lists that are too unlike it is None. Clients whose first letter does not come in time are left out, with a
        line in the log. Nobody goes on before it has agreed.

        Args:
            items: contacts that each other client has to list too.

        Raises:
            RunEnded: a later letter did not come in time.
            NotSealed, NotEnrolled: a letter is not of the client that it is said to be of.
            ConflictingReplay: this client has compared other contacts in this run.
            Unavailable: the aggregator does not answer.
        """
        run, lists_of = self.run, {other: [each for each, _ in items[other]] for other in items}
        digest = hashlib.sha256(b"".join(each for contacts in lists_of.values() for each in contacts)).digest()
        secret = hmac.digest(self.secret, digest, "sha256")  # other contacts, other keys; a restart says the same again
        pairs = {other: Pair(run, self.name, other, items=each, secret=secret) for other, each in lists_of.items()}
        openings = await self._exchange(KEY, {other: self._opening(pair) for other, pair in pairs.items()})
        seals = {other: pairs[other].meet(self._key_of(other, letter)) for other, letter in openings.items()}
        own = {other: seal.seal(pairs[other].contacts(), number=CONTACTS) for other, seal in seals.items()}
        lists = await self._opened(CONTACTS, own, seals)
        answers = {other: seals[other].seal(pairs[other].answer(each), number=ANSWER) for other, each in lists.items()}
        opened = await self._opened(ANSWER, answers, seals)
        return {other: pairs[other].missing(answer) for other, answer in opened.items()}, seals

    async def agree(self, missing: Missing, seals: Seals) -> None:
        """Tell the others whether the own contacts have their other sides, and hear it of them.

        Raises:
            RunEnded: the own contacts have them, and another client has found contacts that have none; or a verdict did
                not come in time.
            NotSealed: a verdict is not of the client that it is said to be of.
            ConflictingReplay: the aggregator says that this client came to another one, where it cannot have.
            Unavailable: the aggregator does not answer.
        """
        agrees = not any(each is None or each for each in missing.values())
        try:
            verdicts = await self._exchange(VERDICT, {other: seal.verdict(agrees) for other, seal in seals.items()})
        except ConflictingReplay:
            if agrees:  # more clients find no less
                raise
            LOG.warning(
                "clients that compared before another one came were told that all contacts have their other sides, are "
                "not told otherwise, and may go on: ask the run's operator to stop the run"
            )
            return
        others = [other for other, letter in verdicts.items() if not seals[other].agrees(letter)]
        if agrees and others:
            raise RunEnded(
                f"{', '.join(others)} listed contacts with agents of other clients that these do not list, and knows "
                "which; nobody joins: its operator asks the others, and the run's operator writes another manifest"
            )

    def _opening(self, pair: Pair) -> bytes:
        signed = sign(pair.there, pair.key(), self.credentials, deterministic=True)
        parts = PairOpening(key=signed.sealed, certificate=signed.certificate, signature=signed.signature)
        return canonical_json.encode(parts)

    def _key_of(self, other: str, letter: bytes) -> bytes:
        try:
            given = canonical_json.decode(letter, PairOpening, what="letter")
        except ParameterError:
            raise NotSealed(f"the first letter of {other} cannot be read; its program differs, or it lies") from None
        route = Route(self.run, other, self.name)
        authorities = x509.load_pem_x509_certificates(self.credentials.authority)
        verify(route, Handshake(given.key, given.certificate, given.signature), authorities)
        return given.key

    async def _opened(
        self, number: int, letters: Mapping[str, bytes], seals: Mapping[str, PairSeal]
    ) -> dict[str, bytes]:
        each = await self._exchange(number, letters)
        return {other: seals[other].open(letter, number=number) for other, letter in each.items()}

    async def _exchange(self, number: int, letters: Mapping[str, bytes]) -> dict[str, bytes]:
        """Leave letters, and return those of the same clients; of the first ones those that come in time.

        Raises:
            RunEnded: a later one did not come: who goes on without it would tell the carrier what the others found.
            ConflictingReplay: another one was left before; of verdicts, when all others are told theirs.
        """
        run, wanted = self.run, set(letters)
        conflict: ConflictingReplay | None = None
        for other, content in letters.items():
            try:
                await self._call(Letter(run, number, to=other, content=content))
            except ConflictingReplay as error:
                if number != VERDICT:
                    raise
                conflict = error
        if conflict is not None:
            raise conflict
        replies: dict[str, bytes] = {}
        until = time.monotonic() + self.timeout_s
        while wanted:
            reply = await self._call(Letter(run, number, wanted=tuple(sorted(wanted))))
            if reply.sender:
                if reply.sender not in wanted:
                    raise WireError("an aggregator handed out a letter that nobody asked for; ask its operator")
                wanted.discard(reply.sender)
                replies[reply.sender] = reply.content
            elif time.monotonic() > until and number != KEY:
                raise RunEnded(
                    f"no letter of {', '.join(sorted(wanted))} in time, in the middle of a comparison of contacts; "
                    "nobody joins: start again together, or ask the run's operator for another manifest"
                )
            elif time.monotonic() > until:
                LOG.warning("no letter of %s in time: contacts with them are not compared", ", ".join(sorted(wanted)))
                break
            else:
                await asyncio.sleep(POLL_S)
        return replies

    async def _call(self, letter: Letter) -> LetterReply:
        reply: LetterReply = await self.transport.call(letter, timeout_s=CALL_S)
        return reply
