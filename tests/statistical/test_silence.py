"""No log line, no error and no printed object of an aggregator shows a key, a share, or what the shares hide."""

import asyncio
import base64
import gc
import logging
import traceback
from dataclasses import dataclass

import numpy as np
import pytest
from sqlalchemy.exc import SQLAlchemyError

from aggregator import Store
from aggregator.log import JsonLines
from aggregator.on_shares.levels import Levels
from aggregator.store import JointResult, PendingRound, RoundClosure
from client_sdk import Client
from protocols.errors import LpmError
from protocols.task.rounds import Phase
from protocols.wire import codec
from protocols.wire.messages import Join, RoundRelease, RoundResult, Share
from protocols.wire.transport import Transport

OURS = ("aggregator", "protocols")
LEAST = 10**9  # numbers below it are found everywhere
NOTHING = np.zeros(0, dtype=np.uint64)


def forms(secret):
    """Return how a key or a word may be printed."""
    if isinstance(secret, bytes):
        return {secret.hex(), repr(secret)[2:-1], str(list(secret))[1:-1], base64.b64encode(secret).decode()}
    signed = secret - 2**64 if secret >= 2**63 else secret
    content = secret.to_bytes(8, "little")
    return {str(secret), str(signed), f"{secret:x}", repr(content)[2:-1], content.hex()}


def secrets_of(message):
    """Return keys, and words of shares, that a message carries."""
    if isinstance(message, Join):
        return {message.key} - {b""}
    vectors = [getattr(message, name, NOTHING) for name in ("share", "own", "release")]
    return {int(word) for vector in vectors for word in vector if LEAST < word < 2**64 - LEAST}


def shown(secrets, texts):
    """Return which secrets are found in the texts."""
    text = "\n".join(texts).lower()
    return [secret for secret in secrets if any(form.lower() in text for form in forms(secret))]


def printed(root):
    """Return how all objects of our own classes print that can be reached from one, containers opened."""
    seen, todo, texts = set(), [root], set()
    while todo:
        thing = todo.pop()
        if id(thing) in seen or isinstance(thing, type):
            continue
        seen.add(id(thing))
        ours = type(thing).__module__.split(".")[0] in OURS
        if ours or isinstance(thing, asyncio.Future):
            texts |= {repr(thing), str(thing), f"{thing}"}
        if ours or isinstance(thing, (dict, list, tuple, set, asyncio.Future)):
            todo += gc.get_referents(thing)
    return texts


class Watched(Transport):
    """Prints the aggregators before and after each call, and keeps the secrets that pass."""

    def __init__(self, inner, operators, texts, secrets):
        self._inner, self._operators, self._texts, self._secrets = inner, operators, texts, secrets

    async def call(self, request, *, timeout_s):
        self._secrets |= secrets_of(request)
        calling = asyncio.ensure_future(self._inner.call(request, timeout_s=timeout_s))
        await asyncio.sleep(0)
        self._texts |= {text for run in self._operators.runs for text in printed(run)} | {repr(request)}
        reply = await calling
        self._secrets |= secrets_of(reply)
        self._texts |= {text for run in self._operators.runs for text in printed(run)} | {repr(reply)}
        return reply


def logged(caplog):
    """Return every log record as the aggregator's own log writes it, and all that a record carries."""
    return [text for record in caplog.records for text in (JsonLines().format(record), repr(record.__dict__))]


@pytest.mark.parametrize("mode", ["sum", "outcome"])
def test_a_whole_run_prints_and_logs_no_secret(manifest_of, drawn_world, operators_of, caplog, mode):
    caplog.set_level(logging.DEBUG)
    run = manifest_of([(1, 2), (3,)], k=3, steps=2, cells=(5, 5), mode=mode, max_message=200)
    world, texts, secrets = drawn_world(run, 1), set(), set()

    async def client(name, operators):
        inner = operators.transports(name)
        watched = [Watched(each, operators, texts, secrets) for each in inner]
        joined = await Client.join(run, world.private_state(name), watched)
        await joined.run()
        assert joined.missed == []

    async def everybody():
        asyncio.get_running_loop().slow_callback_duration = 0.0  # so that asyncio logs whatever it runs
        with operators_of(run) as operators:
            await asyncio.gather(*(client(party.name, operators) for party in run.clients))

    asyncio.run(everybody(), debug=True)
    secrets |= {int(tau) for tau in world.state["tau"] if tau > LEAST}
    assert len(secrets) > 100
    assert any("round closed" in text for text in logged(caplog))
    assert any(record.name == "asyncio" for record in caplog.records)
    assert any("RoundClosure(" in text for text in texts)
    assert shown(secrets, [*texts, *logged(caplog)]) == []


@pytest.fixture
def refused(manifest_of, operators_of, caplog):
    """Return everything that is said of calls which an aggregator refuses, and the secrets they carry."""
    caplog.set_level(logging.DEBUG)
    run = manifest_of([(1, 2), (3,)], steps=2, cells=(5, 5))
    draw, errors, secrets = np.random.default_rng(8), [], set()
    kept = [Join(bytes(32), draw.bytes(32)) for _ in range(3)]

    def share(run_id, step=0, words=None, phase=Phase.SPEAK):
        length = 3 + 2 + 4 if words is None else words
        return Share(run_id, step, draw.integers(2**40, 2**63, length, dtype=np.uint64), phase, bytes(16))

    async def calls():
        with operators_of(run) as operators:
            keyed, last = operators.runs
            first, taken = Join(keyed.id, kept[0].key), share(last.id)
            ahead = {0: [("client-0", first)], 1: [("client-0", Join(last.id, b"")), ("client-0", taken)]}
            wrong = [
                (0, "client-0", Join(keyed.id, kept[1].key)),  # another key
                (1, "client-1", Join(last.id, kept[2].key)),  # a key where none is needed
                (0, "nobody", Join(keyed.id, kept[1].key)),
                (0, "client-0", Join(bytes(32), kept[1].key)),  # another run
                (0, "client-0", share(keyed.id)),  # words where a key is expanded
                (1, "client-1", share(last.id)),  # before it has joined
                (1, "client-0", share(last.id)),  # another share
                (1, "client-0", share(last.id, words=4)),
                (1, "client-0", share(last.id, step=2)),
                (1, "client-0", share(last.id, step=1, phase=Phase.DECIDE)),
                (1, "client-0", taken.share),  # no message
            ]
            waiting = [
                asyncio.ensure_future(operators.answers[index](caller, request))
                for index, each in ahead.items()
                for caller, request in each
            ]
            await asyncio.sleep(0.01)
            for index, caller, request in wrong:
                secrets.update(secrets_of(request))
                with pytest.raises((LpmError, TypeError)) as caught:
                    await operators.answers[index](caller, request)
                errors.append(caught.value)
            for task in waiting:
                task.cancel()
            ended = await asyncio.gather(*waiting, return_exceptions=True)
            errors.extend(each for each in ended if isinstance(each, Exception))
            for request in (taken, first):
                secrets.update(secrets_of(request))
                content = codec.encode(request)
                for torn in (content[:-3], content + b"\x00", content + content, content[4:]):
                    with pytest.raises(LpmError) as caught:
                        codec.decode(type(request), torn)
                    errors.append(caught.value)

    asyncio.run(calls())
    said = ["".join(traceback.format_exception(error)) + repr(error) for error in errors]
    return said + logged(caplog), secrets, {type(error).__name__ for error in errors}


def test_no_refusal_names_a_secret(refused):
    said, secrets, kinds = refused
    expected = {"ConflictingReplay", "WrongLength", "NotEnrolled", "ManifestMismatch", "NotJoined", "RoundAhead"}
    assert expected | {"WireError"} <= kinds
    assert len(secrets) > 30
    assert shown(secrets, said) == []


def test_a_store_that_fails_names_no_key_and_no_share():
    store, key, share = Store("sqlite://"), bytes(range(100, 132)), bytes(range(60, 92))
    store.save_client_key(b"r", "client-0", key)
    said = []
    with pytest.raises(SQLAlchemyError) as caught:
        store.save_client_key(b"r", "client-0", key)
    said.append("".join(traceback.format_exception(caught.value)))
    with store._engine.begin() as connection:
        connection.exec_driver_sql("CREATE TRIGGER t BEFORE INSERT ON rounds BEGIN SELECT RAISE(FAIL, 'full'); END")
    with pytest.raises(SQLAlchemyError) as caught:
        store.save_pending(b"r", PendingRound(0, {"client-0": share}, b""))
    said.append("".join(traceback.format_exception(caught.value)))
    store.close()
    assert shown({key, share}, said) == []


@dataclass(frozen=True)
class Careless:
    """Holds what it should not print."""

    held: object


@pytest.mark.parametrize("secret", [bytes(range(7, 39)), 0x8EC2E75EC2E75EC3], ids=["a key", "a word"])
def test_a_secret_that_is_printed_would_be_found(secret):
    word = secret if isinstance(secret, int) else int.from_bytes(secret[:8], "little")
    raw = secret if isinstance(secret, bytes) else secret.to_bytes(8, "little")
    ways = [Careless(secret), {"a": secret}, [raw], raw.hex(), ValueError(secret)]
    ways += [np.array([word]), np.array([word]).astype(np.int64)] if isinstance(secret, int) else [list(raw)]
    for way in ways:
        assert shown({secret}, [repr(way)]) == [secret]


def test_the_walk_reaches_what_an_object_holds():
    vector = np.array([2**60 + 3], dtype=np.uint64)
    held = {"a": [RoundResult(1, vector, vector, NOTHING.view(np.int64), 2), (RoundRelease(1, vector, 2, 3),)]}
    texts = printed(
        [
            held,
            JointResult(1, b"k", b"k"),
            RoundClosure(1, (), (), {}, b"", b"", b""),
            Levels(vector, vector, vector, vector),
        ]
    )
    for name in ("RoundResult", "RoundRelease", "JointResult", "RoundClosure", "Levels"):
        assert any(text.startswith(f"{name}(") for text in texts)
