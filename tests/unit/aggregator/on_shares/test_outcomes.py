"""Outcome mode at one aggregator: what it keeps hidden, and on which comparison it settles."""

import asyncio

import numpy as np
import pytest

from aggregator.on_shares.assembly import JointRounds
from aggregator.on_shares.levels import Levels
from aggregator.rounds.vectors import Vectors
from aggregator.store import Store
from client_sdk import Client, ContactTable, PrivateState
from protocols.errors import RepeatSpent, Unavailable
from protocols.task.layout import Layout
from protocols.task.rounds import Phase
from protocols.wire.messages import Computation
from protocols.wire.transport import Transport

RUN = bytes(32)


def words(*values):
    return np.array(values, dtype=np.uint64)


class Alone:
    """Compares what it is given as if it were everything; every comparison has a name of its own."""

    def __init__(self, delays=()):
        self.names, self._delays = [], list(delays)

    async def compute(self, program, *, kind, round_number):
        self.names.append(bytes([len(self.names) + 1]) * 32)
        result = program(self)
        if self._delays:
            await asyncio.sleep(self._delays.pop(0))
        return result

    @property
    def name(self):
        return self.names[-1]

    def public(self, numbers):
        return numbers

    def compare(self, h, tau, *, bits):
        return (h > tau).astype(np.int64)

    def out_of_range(self, x, bits, opening):
        opening()
        return bool((x.view(np.uint64) >> bits.astype(np.uint64)).any())


class Other:
    """Another aggregator, which tells these names one after the other, the last one again and again."""

    def __init__(self, *names):
        self._names = list(names)

    async def result_name(self, query):
        return Computation(query.step, self._names.pop(0) if len(self._names) > 1 else self._names[0])


class Plain:
    """Takes totals instead of the clients' shares, for rounds in which single clients do not matter."""

    def __init__(self, outcome):
        self._outcome, self.result_name = outcome, outcome.result_name

    async def combine(self, number, total, members, hidden):
        taken = await self._outcome.combine(number, Vectors(None, lambda members: total), members, hidden)
        return taken.total, taken.hidden


@pytest.fixture
def outcome_of(manifest_of):
    def _outcome(backend, *peers, **changes):
        manifest = manifest_of([(1, 2), (3,)], mode="outcome", **{"validity": "off"} | changes)
        given = {"store": Store("sqlite://"), "peers": peers, "permuter": None, "ledger": None}
        return Plain(JointRounds.of(manifest, 0, backend, **given).outcomes)

    return _outcome


@pytest.fixture
def layout(manifest_of):
    return Layout.of(manifest_of([(1, 2), (3,)], mode="outcome"))


@pytest.fixture
def nothing(layout):
    return Levels.decode(b"", layout)


def test_own_hazard_told_again_counts_once(outcome_of, layout, nothing):
    async def act():
        outcome = outcome_of(Alone())
        _, hidden = await outcome.combine(0, words(15, 15, 15), ("client-0", "client-1"), nothing)
        first, hidden = await outcome.combine(2, words(10, 20, 0), ("client-0",), hidden)
        again, hidden = await outcome.combine(4, words(10, 20, 0), ("client-0",), hidden)
        return first.tolist(), again.tolist(), Levels.decode(hidden.encode(), layout).own.tolist()

    first, again, own = asyncio.run(act())
    assert first == again == [0, 1, 0]
    assert own == [[10, 20, 0]]


def test_a_client_that_misses_a_round_keeps_what_it_told_before(outcome_of, nothing):
    async def act():
        outcome = outcome_of(Alone())
        _, hidden = await outcome.combine(2, words(10, 20, 30), ("client-0", "client-1"), nothing)
        _, hidden = await outcome.combine(4, words(40, 50, 0), ("client-0",), hidden)
        return hidden.own[0].tolist()

    assert asyncio.run(act()) == [40, 50, 30]


def test_what_others_say_adds_up_over_the_steps(outcome_of, seir, nothing):
    async def act():
        outcome = outcome_of(Alone(), model=seir(beta=(3,)))
        vector = words(1, 2, 2**64 - 1, *[0] * 4)  # shares wrap round
        _, hidden = await outcome.combine(1, vector, (), nothing)
        _, hidden = await outcome.combine(3, vector, (), hidden)
        return hidden.level[0].tolist()

    assert asyncio.run(act()) == [6, 12, 2**64 - 6]


def test_a_comparison_is_done_again_once_where_another_one_has_kept_none(outcome_of, nothing):
    async def act():
        backend = Alone()
        outcome = outcome_of(backend, Other(b"", bytes([2]) * 32))
        await outcome.combine(2, words(0, 0, 0), (), nothing)
        return len(backend.names), await outcome.result_name(2)

    assert asyncio.run(act()) == (2, bytes([2]) * 32)


def test_a_second_repeat_ends_the_run(outcome_of, nothing):
    async def act():
        backend = Alone()
        with pytest.raises(RepeatSpent, match="step 0 would have to be done again, and a run allows that once"):
            await outcome_of(backend, Other(b"")).combine(2, words(0, 0, 0), (), nothing)
        return len(backend.names)

    assert asyncio.run(act()) == 2


def test_who_said_that_it_has_no_comparison_never_settles_on_that_one(outcome_of, nothing):
    async def act():
        backend = Alone(delays=[0.2])
        outcome = outcome_of(backend, Other(bytes([2]) * 32), round_timeout_s=0.05)
        deciding = asyncio.ensure_future(outcome.combine(2, words(0, 0, 0), (), nothing))
        await asyncio.sleep(0)
        said = await outcome.result_name(2)
        await deciding
        return said, await outcome.result_name(2)

    assert asyncio.run(act()) == (b"", bytes([2]) * 32)


class LosesAnAnswer(Transport):
    """Delivers a call, and loses the answer of one round."""

    def __init__(self, inner, lost):
        self._inner, self._lost = inner, lost

    async def call(self, request, *, timeout_s):
        answer = await self._inner.call(request, timeout_s=timeout_s)
        if (getattr(request, "step", None), getattr(request, "phase", None)) == self._lost:
            self._lost = None
            raise Unavailable("the answer was lost")
        return answer


def test_a_client_whose_answer_was_lost_for_long_ends_as_if_nothing_had_happened(
    manifest_of, operators_of, run_clear, nothing
):
    manifest = manifest_of([(1, 2, 3), (4,)], mode="outcome", steps=4, round_timeout_s=0.1, cells=(4,))
    table = ContactTable(*np.array([[0, 0, 1, 0, 90], [0, 1, 2, 0, 90]]).T)
    none = ContactTable(*np.zeros((5, 0), dtype=np.int64))

    def private(name, own):
        return PrivateState(manifest, name, contacts=own, cell=np.zeros(3 if name == "client-0" else 1, dtype=np.int64))

    async def act():
        with operators_of(manifest) as operators:
            lossy = [LosesAnAnswer(each, (1, Phase.DECIDE)) for each in operators.transports("client-0")]
            joining = [
                Client.join(manifest, private("client-0", table), lossy),
                Client.join(manifest, private("client-1", none), operators.transports("client-1")),
            ]
            one, other = await asyncio.gather(*joining)
            await asyncio.gather(one.advance(), other.advance())
            lost, _ = await asyncio.gather(one.advance(), other.advance(), return_exceptions=True)
            assert isinstance(lost, Unavailable)
            await other.advance()  # closes step 2 without the other client
            while one.step < other.step:
                await one.advance()
            while other.step <= manifest.steps:
                await asyncio.gather(one.advance(), other.advance())
            return one, [run._joint and Levels.decode(run.last.hidden, run.layout) for run in operators.runs]

    one, hidden = asyncio.run(act())
    own = sum(part.own for part in hidden)[:, :3].view(np.int64)
    assert one.missed
    assert own.tolist() == one._own.sum.T.tolist()  # nothing was counted twice
