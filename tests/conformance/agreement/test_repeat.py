"""When a joint computation may be done again: what one aggregator remembers, with others that answer as told."""

import asyncio

import numpy as np
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from aggregator.on_shares.agreement import Agreement, ResultShare
from aggregator.release.ledger import Ledger
from aggregator.store import Store
from protocols.errors import OutOfRange, RepeatSpent, ResultsDiffer, Unavailable
from protocols.identity import signing
from protocols.releases import ledger
from protocols.releases.ledger import RepeatEvent
from protocols.wire.messages import Computation

RUN = bytes(32)
KEY = Ed25519PrivateKey.from_private_bytes(bytes(32))
ROUND = 2  # step 0, deciding
JOIN, MASKED, SHOWN, LATE, OUT, DONE = "join", "masked", "shown", "late", "out", "done"


def name(number):
    return bytes([number]) * 32


class Calculator:
    """Ends as the test says: before its share of the verdict is shown, after, or with a verdict."""

    def __init__(self, end):
        self._end = end

    def out_of_range(self, x, bits, opening):
        if self._end == MASKED:
            raise Unavailable("a party is gone")
        opening()
        if self._end == SHOWN:
            raise Unavailable("a party is gone")
        return self._end == OUT


class ScriptedBackend:
    """Runs programs that end one after the other as the test says, the last one again and again."""

    def __init__(self, *ends):
        self._ends, self.names, self.gate, self.begun = list(ends), [], asyncio.Event(), asyncio.Event()

    async def compute(self, program, *, kind, round_number):
        end = self._ends.pop(0) if len(self._ends) > 1 else self._ends[0]
        self.begun.set()
        if end == JOIN:
            raise Unavailable("a party does not come")
        self.names.append(name(len(self.names) + 1))
        calculator = Calculator(end)
        calculator.name = self.names[-1]
        result = program(calculator)
        if end == LATE:
            await self.gate.wait()
        return result


class Other:
    """Another aggregator, which tells these names one after the other, the last one again and again."""

    def __init__(self, *names):
        self._names = list(names)

    async def result_name(self, query):
        return Computation(query.step, self._names.pop(0) if len(self._names) > 1 else self._names[0])


class Side:
    """One aggregator's part, on a store and a ledger that outlive it."""

    def __init__(self, manifest, url, path, backend, *peers):
        self.store = Store(url)
        self._book = Ledger(path, run=RUN, name="aggregator-0", key=KEY)
        self.backend, self._path = backend, path
        given = {"ledger": self._book, "timeout_s": manifest.round_timeout_s}
        self.joint = Agreement(manifest.schedule, RUN, self.store, backend=backend, peers=peers, **given)

    async def settle(self, number=ROUND, kind=b"all"):
        def program(calculator):
            out = calculator.out_of_range(None, None, self.joint.opening)
            return ResultShare(calculator.name, np.zeros(1, dtype=np.int64), in_range=not out)

        return (await self.joint.settle(number, program, kind=kind)).name

    def repeats(self):
        events = ledger.load(self._path, signing.public_of(KEY))
        return [event.number for event in events if isinstance(event, RepeatEvent)]


@pytest.fixture
def side(manifest_of, tmp_path):
    manifest = manifest_of([(1, 2), (3,)], mode="outcome", round_timeout_s=0.2)

    def started(backend, *peers):
        return Side(manifest, f"sqlite:///{tmp_path / 'store.db'}", tmp_path / "ledger.jsonl", backend, *peers)

    return started


def test_a_result_that_all_have_kept_is_told_and_nothing_is_repeated(side):
    async def act():
        one = side(ScriptedBackend(DONE), Other(name(1)))
        return await one.settle(), one.repeats()

    assert asyncio.run(act()) == (name(1), [])


@pytest.mark.parametrize("end", [JOIN, MASKED])
def test_what_failed_before_the_verdict_was_shown_is_no_repeat_however_often(side, end):
    async def act():
        one = side(ScriptedBackend(end, end, end, DONE), Other(name(1 if end == JOIN else 4)))
        for _ in range(3):
            with pytest.raises(Unavailable):
                await one.settle()
        await one.settle()
        return one.repeats()

    assert asyncio.run(act()) == []


def test_what_failed_when_the_verdict_was_shown_may_be_repeated_once_in_a_run(side):
    async def act():
        one = side(ScriptedBackend(SHOWN, JOIN, DONE, SHOWN), Other(name(2)))
        for _ in range(2):  # that nobody came to the repeat uses no other one up
            with pytest.raises(Unavailable):
                await one.settle()
        assert await one.settle() == name(2)
        with pytest.raises(Unavailable):
            await one.settle(ROUND + 2)
        before = len(one.backend.names)
        for _ in range(2):
            with pytest.raises(RepeatSpent, match="step 1 would have to be done again"):
                await one.settle(ROUND + 2)
        assert len(one.backend.names) == before
        return one.repeats()

    assert asyncio.run(act()) == [ROUND]


def test_a_restart_gives_no_further_repeat(side):
    async def act():
        with pytest.raises(Unavailable):
            await side(ScriptedBackend(SHOWN)).settle()
        with pytest.raises(Unavailable):
            await side(ScriptedBackend(SHOWN)).settle()
        with pytest.raises(RepeatSpent):
            await side(ScriptedBackend(DONE)).settle()
        return side(ScriptedBackend(DONE)).repeats()

    assert asyncio.run(act()) == [ROUND]


def test_whoever_stops_in_the_middle_of_a_computation_may_have_shown_its_verdict(side):
    async def act():
        one = side(ScriptedBackend(LATE))
        deciding = asyncio.ensure_future(one.settle())
        await one.backend.begun.wait()
        deciding.cancel()
        await asyncio.gather(deciding, return_exceptions=True)
        other = side(ScriptedBackend(DONE), Other(name(1)))
        return await other.settle(), other.repeats()

    assert asyncio.run(act()) == (name(1), [ROUND])


def test_whoever_holds_another_result_ends_the_run_and_nothing_is_computed_again(side):
    async def act():
        one = side(ScriptedBackend(DONE), Other(name(9)))
        for _ in range(3):
            with pytest.raises(ResultsDiffer, match="holds another result of step 0"):
                await one.settle()
        return one.backend.names, one.repeats()

    assert asyncio.run(act()) == ([name(1)], [])


def test_one_of_two_others_that_holds_another_result_is_enough(side):
    async def act():
        for others in ((name(1), name(9)), (b"", name(9))):
            with pytest.raises(ResultsDiffer):
                await side(ScriptedBackend(DONE), *map(Other, others)).settle()

    asyncio.run(act())


def test_a_result_that_was_given_up_does_not_come_back_after_a_restart(side):
    async def act():
        one = side(ScriptedBackend(DONE, SHOWN), Other(b""))
        with pytest.raises(Unavailable):
            await one.settle()
        return await side(ScriptedBackend(DONE)).joint.result_name(ROUND)

    assert asyncio.run(act()) == b""


def test_numbers_out_of_range_are_no_result_that_could_be_told(side):
    async def act():
        one = side(ScriptedBackend(OUT), Other(b""))
        with pytest.raises(OutOfRange, match="in step 0; nothing of this round counted"):
            await one.settle()
        return await one.joint.result_name(ROUND), one.store.joint_result(RUN)

    assert asyncio.run(act()) == (b"", None)


def test_a_round_is_not_done_again_over_other_clients(side):
    async def act():
        one = side(ScriptedBackend(DONE), Other(name(1)))
        await one.settle(kind=b"all")
        with pytest.raises(ResultsDiffer, match="counts other clients in step 0"):
            await one.settle(kind=b"all but one")
        with pytest.raises(ResultsDiffer, match="counts other clients in step 0"):
            await side(ScriptedBackend(DONE), Other(name(1))).settle(kind=b"all but one")

    asyncio.run(act())


@pytest.mark.parametrize("end", [JOIN, MASKED])
def test_a_repeat_that_showed_nothing_is_made_over_the_same_clients_too(side, end):
    """Two verdicts over different clients would tell of those that only one of them counts."""

    async def act():
        one = side(ScriptedBackend(SHOWN, end, end, DONE), Other(name(4 if end == MASKED else 2)))
        for _ in range(3):
            with pytest.raises(Unavailable):
                await one.settle(kind=b"all")
        for again in (one, side(ScriptedBackend(DONE), Other(name(1)))):
            with pytest.raises(ResultsDiffer, match="counts other clients in step 0"):
                await again.settle(kind=b"all but one")
        await one.settle(kind=b"all")
        return one.repeats()

    assert asyncio.run(act()) == [ROUND]


def test_whoever_waits_for_others_to_join_says_at_once_that_it_has_none(side):
    async def act():
        one = side(ScriptedBackend(DONE), Other(name(1)))
        arrived = asyncio.Event()
        compute = one.backend.compute

        async def joins_late(program, **more):
            await arrived.wait()
            return await compute(program, **more)

        one.backend.compute = joins_late
        deciding = asyncio.ensure_future(one.settle())
        await asyncio.sleep(0)
        async with asyncio.timeout(0.1):
            said = await one.joint.result_name(ROUND)
        arrived.set()
        return said, await deciding, one.repeats()

    assert asyncio.run(act()) == (b"", name(1), [])


def test_who_said_that_it_has_none_of_a_computation_under_way_never_has_it(side):
    async def act():
        one = side(ScriptedBackend(LATE, DONE), Other(name(2)))
        deciding = asyncio.ensure_future(one.settle())
        await one.backend.begun.wait()
        said = await one.joint.result_name(ROUND)
        one.backend.gate.set()
        return said, await deciding, one.repeats()

    assert asyncio.run(act()) == (b"", name(2), [ROUND])
