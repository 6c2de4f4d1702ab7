"""What an aggregator must not forget when it restarts: keys of clients, and the round in hand."""

from collections.abc import Sequence
from pathlib import Path
from typing import final

import msgspec
import sqlalchemy as sa

from protocols.arithmetic.counters import RoundNumber
from protocols.releases.ledger import Trial

_METADATA = sa.MetaData()
_JOINED = sa.Table(
    "joined",
    _METADATA,
    sa.Column("run", sa.LargeBinary, primary_key=True),
    sa.Column("client", sa.String(63), primary_key=True),
    sa.Column("key", sa.LargeBinary, nullable=False),
)
_SESSIONS = sa.Table(
    "sessions",
    _METADATA,
    sa.Column("run", sa.LargeBinary, primary_key=True),
    sa.Column("client", sa.String(63), primary_key=True),
    sa.Column("secret", sa.LargeBinary, nullable=False),
)
_NOISE = sa.Table(
    "noise",
    _METADATA,
    sa.Column("run", sa.LargeBinary, primary_key=True),
    sa.Column("key", sa.LargeBinary, nullable=False),
)
_ROUNDS = sa.Table(
    "rounds",
    _METADATA,
    sa.Column("run", sa.LargeBinary, primary_key=True),
    sa.Column("state", sa.String(8), primary_key=True),
    sa.Column("content", sa.LargeBinary, nullable=False),
)
_SHARES = sa.Table(
    "shares",
    _METADATA,
    sa.Column("run", sa.LargeBinary, primary_key=True),
    sa.Column("client", sa.String(63), primary_key=True),
    sa.Column("part", sa.Integer, primary_key=True),
    sa.Column("share", sa.LargeBinary, nullable=False),
)
_LETTERS = sa.Table(
    "letters",
    _METADATA,
    sa.Column("run", sa.LargeBinary, primary_key=True),
    sa.Column("sender", sa.String(63), primary_key=True),
    sa.Column("receiver", sa.String(63), primary_key=True),
    sa.Column("number", sa.Integer, primary_key=True),
    sa.Column("content", sa.LargeBinary, nullable=False),
)
PART_BYTES = 2**28  # of a share in one record; an SQLite record holds 1e9 bytes at most


@final
class PendingRound(msgspec.Struct, frozen=True):
    """A round whose members this aggregator has decided, before all have agreed; of each client its share and start."""

    number: RoundNumber
    shares: dict[str, bytes]
    synthetic: bytes
    starts: dict[str, bytes] = {}

    def __repr__(self) -> str:
        """Tell the round, and nothing of the shares."""
        return f"PendingRound(number={self.number})"


@final
class TokenShares(msgspec.Struct, frozen=True):
    """Words that are kept for the whole run."""

    content: bytes

    def __repr__(self) -> str:
        """Tell the size, and nothing of the words."""
        return f"TokenShares({len(self.content)} bytes)"


@final
class JointResult(msgspec.Struct, frozen=True):
    """A finished joint computation of a round.

    Attributes:
        name: which all aggregators that took part in it know.
        words: this one's shares of it.
    """

    number: RoundNumber
    name: bytes
    words: bytes

    def __repr__(self) -> str:
        """Tell the round, and nothing of the shares."""
        return f"JointResult(number={self.number})"


@final
class VerdictRecord(msgspec.Struct, frozen=True):
    """Which joint computation may have opened something: what says whether doing it again would be a repeat.

    Attributes:
        number: of the round whose verdict this aggregator may have shown its share of, if any.
        over: digest of what was computed, and over whom.
        repeated: whether the run's one repeat has been used.
        granted: whether that repeat is this round's and has shown nothing yet, so that it may still be made.
    """

    number: RoundNumber | None = None
    over: bytes = b""
    repeated: bool = False
    granted: bool = False


@final
class RunEnd(msgspec.Struct, frozen=True):
    """Why a run is over for good at this aggregator: a round, and an error's code and message."""

    number: RoundNumber
    code: str
    reason: str


@final
class GroupTestRecord(msgspec.Struct, frozen=True):
    """A round of a secure sum of which sums are opened: what may not be another when it is done again.

    Attributes:
        members: that all aggregators agreed on.
        fits: of each sum that is open, whether it is in range.
    """

    number: RoundNumber
    members: tuple[str, ...]
    fits: tuple[bool, ...] = ()


@final
class PastRelease(msgspec.Struct, frozen=True):
    """What a step released, for an engine that asks again when its clients have gone on.

    Attributes:
        words: this aggregator's share of it, 8 bytes each; announced: by the engine, for that step.
        names: of the clients that took part, where the engine is told.
    """

    step: int
    words: bytes
    members: int
    traffic: int
    announced: bytes
    names: tuple[str, ...] = ()

    def __repr__(self) -> str:
        """Tell the step, and nothing of the share."""
        return f"PastRelease(step={self.step})"


@final
class RoundClosure(msgspec.Struct, frozen=True):
    """A round that closed.

    Attributes:
        decided: the members this aggregator had decided on; `members` those that all agreed on.
        digests: SHA-256 of each member's share and start, to tell a replay from a conflict.
        total: what clients and engine get their parts of; 8 bytes a word.
        hidden: in outcome mode, the hidden shares after the round.
        refused: of a secure sum: the clients left out in this round because their shares were out of their ranges.
        counted: what the next round's releases need of this one's.
        public: the environment's numbers of all steps by now, 8 bytes each, for clients that missed some.
        left_out: of a secure sum: clients found to have sent garbage by now, this round included.
        trials: what was opened to find those of this round; tried: this aggregator's share of each of these sums.
        seen: the groups of all such sums of the run by now.
        release: of a step's second round, what its first one released.
        counted_in: the last round in which each client's share counted, this one included.
        decided_starts: of each in `decided`, under which its share was.
    """

    number: RoundNumber
    decided: tuple[str, ...]
    members: tuple[str, ...]
    digests: dict[str, bytes]
    total: bytes
    synthetic: bytes
    hidden: bytes
    refused: tuple[str, ...] = ()
    counted: bytes = b""
    left_out: tuple[str, ...] = ()
    trials: tuple[Trial, ...] = ()
    tried: tuple[bytes, ...] = ()
    seen: tuple[tuple[str, ...], ...] = ()
    public: bytes = b""
    release: PastRelease | None = None
    counted_in: dict[str, RoundNumber] = {}
    decided_starts: tuple[bytes, ...] = ()

    @property
    def present(self) -> set[str]:
        """Return who took part, counted or not, and goes on."""
        return set(self.trials[0].members if self.trials else self.members).difference(self.left_out)

    def __repr__(self) -> str:
        """Tell the round, and nothing of the total."""
        return f"RoundClosure(number={self.number})"


@final
class Store:
    """Keys and rounds in a database: SQLite by default, any other by its URL.

    Security: holds one aggregator's shares and keys, which tell nothing without another aggregator's. An SQLite file
        has mode 0600. The shares of a round are deleted when it closes.
    """

    def __init__(self, url: str, folder: Path = Path()) -> None:
        """Open or make the database; an SQLite file's path may be relative to `folder`."""
        parsed = sa.make_url(url)
        if parsed.drivername.startswith("sqlite") and parsed.database not in (None, "", ":memory:"):
            path = folder / str(parsed.database)
            parsed = parsed.set(database=str(path))
            path.touch(mode=0o600)
            path.chmod(0o600)
        self._engine = sa.create_engine(parsed)
        with self._engine.begin() as connection:
            if parsed.drivername.startswith("sqlite"):
                connection.exec_driver_sql("PRAGMA journal_mode=WAL")
                connection.exec_driver_sql("PRAGMA secure_delete=ON")
            _METADATA.create_all(connection)

    def close(self) -> None:
        """Let go of the database."""
        self._engine.dispose()

    def save_client_key(self, run: bytes, client: str, key: bytes) -> None:
        """Keep a client's key."""
        with self._engine.begin() as connection:
            connection.execute(_JOINED.insert().values(run=run, client=client, key=key))

    def client_keys(self, run: bytes) -> dict[str, bytes]:
        """Return the keys of all clients that joined."""
        query = sa.select(_JOINED.c.client, _JOINED.c.key).where(_JOINED.c.run == run)
        with self._engine.connect() as connection:
            return {str(client): bytes(key) for client, key in connection.execute(query)}

    def save_secret(self, run: bytes, client: str, secret: bytes) -> None:
        """Keep the secrets of a client's sealed sessions, one after the other."""
        key = (_SESSIONS.c.run == run, _SESSIONS.c.client == client)
        with self._engine.begin() as connection:
            connection.execute(_SESSIONS.delete().where(*key))
            connection.execute(_SESSIONS.insert().values(run=run, client=client, secret=secret))

    def secrets(self, run: bytes) -> dict[str, bytes]:
        """Return what `save_secret` kept of all clients."""
        query = sa.select(_SESSIONS.c.client, _SESSIONS.c.secret).where(_SESSIONS.c.run == run)
        with self._engine.connect() as connection:
            return {str(client): bytes(secret) for client, secret in connection.execute(query)}

    def save_letter(self, run: bytes, sender: str, receiver: str, number: int, content: bytes) -> bytes:
        """Keep a letter between two clients, once, and return the one that is kept."""
        key = (_LETTERS.c.run == run, _LETTERS.c.sender == sender, _LETTERS.c.receiver == receiver)
        with self._engine.begin() as connection:
            query = sa.select(_LETTERS.c.content).where(*key, _LETTERS.c.number == number)
            found = connection.execute(query).scalar()
            if found is None:
                row = {"run": run, "sender": sender, "receiver": receiver, "number": number, "content": content}
                connection.execute(_LETTERS.insert().values(row))
            return content if found is None else bytes(found)

    def letter(self, run: bytes, senders: Sequence[str], receiver: str, number: int) -> tuple[str, bytes] | None:
        """Return a letter of one of these senders, if there is one."""
        query = (
            sa.select(_LETTERS.c.sender, _LETTERS.c.content)
            .where(_LETTERS.c.run == run, _LETTERS.c.receiver == receiver, _LETTERS.c.number == number)
            .where(_LETTERS.c.sender.in_(senders))
            .limit(1)
        )
        with self._engine.connect() as connection:
            found = connection.execute(query).first()
        return None if found is None else (str(found[0]), bytes(found[1]))

    def remove_letters(self, run: bytes) -> None:
        """Forget all letters of a run."""
        with self._engine.begin() as connection:
            connection.execute(_LETTERS.delete().where(_LETTERS.c.run == run))

    def save_tokens(self, run: bytes, tokens: bytes) -> None:
        """Keep this aggregator's shares of the tokens of all devices."""
        with self._engine.begin() as connection:
            self._replace(connection, run, "tokens", TokenShares(tokens), ("tokens",))

    def tokens(self, run: bytes) -> bytes | None:
        """Return what `save_tokens` kept."""
        content = self._get(run, "tokens")
        return None if content is None else msgspec.msgpack.decode(content, type=TokenShares).content

    def noise_key(self, run: bytes, drawn: bytes) -> bytes:
        """Return the key of this run's noise; the first time, `drawn` becomes it."""
        with self._engine.begin() as connection:
            found = connection.execute(sa.select(_NOISE.c.key).where(_NOISE.c.run == run)).scalar()
            if found is None:
                connection.execute(_NOISE.insert().values(run=run, key=drawn))
            return drawn if found is None else bytes(found)

    def save_pending(self, run: bytes, frozen: PendingRound) -> None:
        """Keep a round's shares until it closes: a record for each client, so that no record is too large."""
        rows = [
            {"run": run, "client": client, "part": part, "share": share[start : start + PART_BYTES]}
            for client, share in frozen.shares.items()
            for part, start in enumerate(range(0, len(share) or 1, PART_BYTES))
        ]
        with self._engine.begin() as connection:
            connection.execute(_SHARES.delete().where(_SHARES.c.run == run))
            if rows:
                connection.execute(_SHARES.insert(), rows)
            self._replace(connection, run, "frozen", msgspec.structs.replace(frozen, shares={}), ("frozen",))

    def save_result(self, run: bytes, kept: JointResult) -> None:
        """Keep a finished computation, before anybody is told of it."""
        with self._engine.begin() as connection:
            self._replace(connection, run, "kept", kept, ("kept",))

    def save_verdict(self, run: bytes, shown: VerdictRecord) -> None:
        """Keep what a joint computation may open, before it begins; the result of an earlier one is forgotten."""
        with self._engine.begin() as connection:
            self._replace(connection, run, "shown", shown, ("shown", "kept"))

    def last_verdict(self, run: bytes) -> VerdictRecord:
        """Return what the last joint computation may have opened."""
        content = self._get(run, "shown")
        return VerdictRecord() if content is None else msgspec.msgpack.decode(content, type=VerdictRecord)

    def save_end(self, run: bytes, ended: RunEnd) -> None:
        """Keep that a run is over for good, before anybody is told; the round in hand is forgotten."""
        with self._engine.begin() as connection:
            connection.execute(_SHARES.delete().where(_SHARES.c.run == run))
            self._replace(connection, run, "ended", ended, ("ended", "frozen", "kept"))

    def run_end(self, run: bytes) -> RunEnd | None:
        """Return why a run is over, if it is."""
        content = self._get(run, "ended")
        return None if content is None else msgspec.msgpack.decode(content, type=RunEnd)

    def save_group_tests(self, run: bytes, begun: GroupTestRecord) -> None:
        """Keep what a round's sums are over and came to, before another one is told."""
        with self._engine.begin() as connection:
            self._replace(connection, run, "begun", begun, ("begun",))

    def group_tests(self, run: bytes) -> GroupTestRecord | None:
        """Return the last round of which sums were opened."""
        content = self._get(run, "begun")
        return None if content is None else msgspec.msgpack.decode(content, type=GroupTestRecord)

    def save_round(self, run: bytes, done: RoundClosure) -> None:
        """Keep a round's result and forget its shares and the result before."""
        with self._engine.begin() as connection:
            connection.execute(_SHARES.delete().where(_SHARES.c.run == run))
            self._replace(connection, run, "done", done, ("frozen", "done"))

    def pending_round(self, run: bytes) -> PendingRound | None:
        """Return the round in hand whose members are decided."""
        content = self._get(run, "frozen")
        if content is None:
            return None
        query = sa.select(_SHARES.c.client, _SHARES.c.share).where(_SHARES.c.run == run).order_by(_SHARES.c.part)
        shares: dict[str, bytes] = {}
        with self._engine.connect() as connection:
            for client, share in connection.execute(query):
                shares[str(client)] = shares.get(str(client), b"") + bytes(share)
        return msgspec.structs.replace(msgspec.msgpack.decode(content, type=PendingRound), shares=shares)

    def joint_result(self, run: bytes) -> JointResult | None:
        """Return the last joint computation that finished."""
        content = self._get(run, "kept")
        return None if content is None else msgspec.msgpack.decode(content, type=JointResult)

    def last_round(self, run: bytes) -> RoundClosure | None:
        """Return the last round that closed."""
        content = self._get(run, "done")
        return None if content is None else msgspec.msgpack.decode(content, type=RoundClosure)

    @staticmethod
    def _replace(
        connection: sa.Connection, run: bytes, state: str, content: msgspec.Struct, instead_of: tuple[str, ...]
    ) -> None:
        connection.execute(_ROUNDS.delete().where(_ROUNDS.c.run == run, _ROUNDS.c.state.in_(instead_of)))
        values = {"run": run, "state": state, "content": msgspec.msgpack.encode(content)}
        connection.execute(_ROUNDS.insert().values(values))

    def _get(self, run: bytes, state: str) -> bytes | None:
        query = sa.select(_ROUNDS.c.content).where(_ROUNDS.c.run == run, _ROUNDS.c.state == state)
        with self._engine.connect() as connection:
            content = connection.execute(query).scalar()
        return None if content is None else bytes(content)
