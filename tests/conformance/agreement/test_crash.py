"""Two aggregators of which one is killed at any point of a joint computation: one result, and one repeat at most."""

import asyncio
import itertools

import numpy as np
import pytest

from aggregator.on_shares.agreement import Agreement, ResultShare
from aggregator.store import Store
from protocols.errors import RepeatSpent, Unavailable
from protocols.wire.messages import Computation

RUN = bytes(32)
ROUND = 2
POINTS = (
    "before it joins",
    "before the verdict",
    "after the verdict",
    "before it keeps its result",
    "when it has kept it",
)


class Killed(BaseException):
    """The process ends here; nothing that comes after it in its code is done."""


class Meeting:
    """Where both compute: whoever comes to a stage waits for the other one, until one of them breaks off."""

    def __init__(self):
        self._names, self._waiting, self._over = itertools.count(1), {}, set()

    async def meet(self, side, stage=b""):
        """Return the session's name; both come to it by the empty stage, and then to stages of its own."""
        if stage in self._over:
            raise Unavailable("the other one is gone")
        here = self._waiting.setdefault(stage, {})
        here[side] = future = asyncio.get_running_loop().create_future()
        if len(here) == 2:
            name = bytes([next(self._names)]) * 32
            for each in self._waiting.pop(stage).values():
                each.set_result(name)
        try:
            return await asyncio.wait_for(future, 0.5)
        except TimeoutError:
            self._waiting.pop(stage, None)
            raise Unavailable("the other one did not come") from None

    def break_off(self, stage):
        self._over.add(stage)
        for future in self._waiting.pop(stage, {}).values():
            if not future.done():
                future.set_exception(Unavailable("the other one is gone"))


class Side:
    """One aggregator: its store outlives it, and the other one asks it while it lives."""

    def __init__(self, manifest, url, meeting, number):
        self._manifest, self._url, self._meeting, self.number = manifest, url, meeting, number
        self.other, self.point, self.broken = None, None, asyncio.Event()
        self.start()

    def start(self):
        self.alive = True
        self.store = Store(self._url)
        self.joint = Agreement(
            self._manifest.schedule,
            RUN,
            self.store,
            backend=self,
            peers=[self],
            timeout_s=self._manifest.round_timeout_s,
        )

    def passes(self, point):
        if self.point == point:
            self.point, self.alive = None, False
            raise Killed

    async def result_name(self, query):
        """Ask the other one."""
        if not self.other.alive:
            raise Unavailable("away")
        return Computation(query.step, await self.other.joint.result_name(ROUND))

    async def compute(self, program, *, kind, round_number):
        self.passes(POINTS[0])
        self.name = await self._meeting.meet(self.number)
        try:
            self.dies_with_other = self.other.point in POINTS[1:3] and self.other.point
            await self._meeting.meet(self.number, self.name + b" begin")
            result = program(self)
            await self._meeting.meet(self.number, self.name)  # nobody is done before all have begun
        except BaseException:
            self._meeting.break_off(self.name)
            raise
        self.passes(POINTS[3])
        return result

    def out_of_range(self, x, bits, opening):
        self.passes(POINTS[1])
        if self.dies_with_other == POINTS[1]:
            raise Unavailable("the other one is gone")
        opening()
        self.passes(POINTS[2])
        if self.dies_with_other:
            raise Unavailable("the other one is gone")
        return False

    async def settle(self):
        def program(calculator):
            assert not calculator.out_of_range(None, None, self.joint.opening)
            return ResultShare(calculator.name, np.zeros(1, dtype=np.int64))

        result = await self.joint.settle(ROUND, program, kind=b"all")
        self.passes(POINTS[4])
        return result.name

    async def lives(self):
        """Call again after every failure, as clients do, and start again when killed."""
        for _ in range(12):
            try:
                return await self.settle()
            except Unavailable:
                await asyncio.sleep(0.01)
            except Killed:
                await asyncio.sleep(0.05)
                self.store.close()
                self.start()
        raise AssertionError("the two never settled")


@pytest.fixture
def pair(manifest_of, tmp_path):
    manifest = manifest_of([(1, 2), (3,)], mode="outcome", round_timeout_s=0.3)

    def made():
        meeting = Meeting()
        sides = [Side(manifest, f"sqlite:///{tmp_path / str(number)}.db", meeting, number) for number in range(2)]
        sides[0].other, sides[1].other = reversed(sides)
        return sides

    return made


@pytest.mark.parametrize("point", POINTS)
def test_one_that_is_killed_at_any_point_costs_one_repeat_at_most(pair, point):
    async def act():
        one, other = pair()
        other.point = point
        names = await asyncio.gather(one.lives(), other.lives())
        return (
            names,
            [side.store.last_verdict(RUN).repeated for side in (one, other)],
            await one.joint.result_name(ROUND),
        )

    names, repeated, kept = asyncio.run(act())
    assert names[0] == names[1] == kept
    free = point in (POINTS[0], POINTS[4])
    assert not (free and repeated[0])


def test_one_that_is_killed_twice_when_the_verdict_was_shown_ends_the_run(pair):
    async def act():
        one, other = pair()
        other.point = POINTS[2]

        async def dies_again():
            with pytest.raises(Killed):
                await other.settle()
            other.store.close()
            other.start()
            other.point = POINTS[2]
            return await other.lives()

        return await asyncio.gather(one.lives(), dies_again(), return_exceptions=True)

    assert [type(each) for each in asyncio.run(act())] == [RepeatSpent] * 2
