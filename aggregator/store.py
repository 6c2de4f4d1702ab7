"""What an aggregator must not forget when it restarts: keys of clients, and the round in hand."""

import os
from pathlib import Path
from typing import final

import msgspec
import sqlalchemy as sa

_METADATA = sa.MetaData()
_JOINED = sa.Table(
    "joined",
    _METADATA,
    sa.Column("run", sa.LargeBinary, primary_key=True),
    sa.Column("client", sa.String(63), primary_key=True),
    sa.Column("key", sa.LargeBinary, nullable=False),
)
_ROUNDS = sa.Table(
    "rounds",
    _METADATA,
    sa.Column("run", sa.LargeBinary, primary_key=True),
    sa.Column("state", sa.String(8), primary_key=True),
    sa.Column("content", sa.LargeBinary, nullable=False),
)


@final
class Frozen(msgspec.Struct, frozen=True):
    """A round whose members this aggregator has decided, before all aggregators agreed."""

    step: int
    shares: dict[str, bytes]
    synthetic: bytes

    def __repr__(self) -> str:
        """Tell the step, and nothing of the shares."""
        return f"Frozen(step={self.step})"


@final
class Done(msgspec.Struct, frozen=True):
    """A round that closed.

    Attributes:
        decided: the members this aggregator had decided on; `members` those that all agreed on.
        digests: SHA-256 of each member's share, to tell a replay from a conflict.
        total: sum of the members' shares, 8 d bytes.
    """

    step: int
    decided: tuple[str, ...]
    members: tuple[str, ...]
    digests: dict[str, bytes]
    total: bytes
    synthetic: bytes

    def __repr__(self) -> str:
        """Tell the step, and nothing of the total."""
        return f"Done(step={self.step})"


@final
class Store:
    """Keys and rounds in a database: SQLite by default, any other by its URL.

    Security: holds one aggregator's shares and keys, which tell nothing without another aggregator's. An SQLite file
        has mode 0600. The shares of a round are deleted when it closes.
    """

    def __init__(self, url: str) -> None:
        """Open or make the database."""
        parsed = sa.make_url(url)
        if parsed.drivername.startswith("sqlite") and parsed.database not in (None, "", ":memory:"):
            Path(str(parsed.database)).touch(mode=0o600)
            os.chmod(str(parsed.database), 0o600)
        self._engine = sa.create_engine(parsed)
        with self._engine.begin() as connection:
            if parsed.drivername.startswith("sqlite"):
                connection.exec_driver_sql("PRAGMA journal_mode=WAL")
                connection.exec_driver_sql("PRAGMA secure_delete=ON")
            _METADATA.create_all(connection)

    def close(self) -> None:
        """Let go of the database."""
        self._engine.dispose()

    def join(self, run: bytes, client: str, key: bytes) -> None:
        """Keep a client's key."""
        with self._engine.begin() as connection:
            connection.execute(_JOINED.insert().values(run=run, client=client, key=key))

    def joined(self, run: bytes) -> dict[str, bytes]:
        """Return the keys of all clients that joined."""
        query = sa.select(_JOINED.c.client, _JOINED.c.key).where(_JOINED.c.run == run)
        with self._engine.connect() as connection:
            return {str(client): bytes(key) for client, key in connection.execute(query)}

    def freeze(self, run: bytes, frozen: Frozen) -> None:
        """Keep a round's shares until it closes."""
        with self._engine.begin() as connection:
            connection.execute(_ROUNDS.delete().where(_ROUNDS.c.run == run, _ROUNDS.c.state == "frozen"))
            content = msgspec.msgpack.encode(frozen)
            connection.execute(_ROUNDS.insert().values(run=run, state="frozen", content=content))

    def close_round(self, run: bytes, done: Done) -> None:
        """Keep a round's result and forget its shares and the result before."""
        with self._engine.begin() as connection:
            connection.execute(_ROUNDS.delete().where(_ROUNDS.c.run == run))
            connection.execute(_ROUNDS.insert().values(run=run, state="done", content=msgspec.msgpack.encode(done)))

    def resume(self, run: bytes) -> tuple[Frozen | None, Done | None]:
        """Return the frozen round, if one is in hand, and the last that closed."""
        query = sa.select(_ROUNDS.c.state, _ROUNDS.c.content).where(_ROUNDS.c.run == run)
        with self._engine.connect() as connection:
            found = {str(state): bytes(content) for state, content in connection.execute(query)}
        frozen = msgspec.msgpack.decode(found["frozen"], type=Frozen) if "frozen" in found else None
        done = msgspec.msgpack.decode(found["done"], type=Done) if "done" in found else None
        return frozen, done
