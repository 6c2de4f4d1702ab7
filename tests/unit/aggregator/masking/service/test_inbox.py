"""Messages of the other aggregator wait for their turn: each once, of this round and the next one alone."""

import asyncio

import pytest

from aggregator.masking.service.inbox import MOST_PARTS, Inbox
from protocols.errors import RoundAhead
from protocols.masking.messages import CountShare, OpeningShare


def message(kind, number, part):
    words = {"words": b""} if kind is OpeningShare else {"shares": b"", "tags": b""}
    return kind(run=bytes(32), number=number, part=part, **words)


def test_the_first_message_of_a_kind_round_and_part_counts():
    inbox = Inbox()
    for place, (kind, part) in enumerate([(CountShare, 0), (CountShare, 1), (OpeningShare, 0), (CountShare, 0)]):
        inbox.put(message(kind, 3, part), f"envelope {place}", number=3)
    assert inbox.take(CountShare, 3, 0) == "envelope 0"
    assert inbox.take(CountShare, 3, 1) == "envelope 1"
    assert inbox.take(OpeningShare, 3) == "envelope 2"
    assert inbox.take(OpeningShare, 4) is None


def test_a_round_that_is_over_changes_nothing_and_a_later_one_is_refused():
    inbox = Inbox()
    inbox.put(message(CountShare, 2, 0), "late", number=3)
    inbox.put(message(CountShare, 4, 0), "next", number=3)
    assert (inbox.take(CountShare, 2), inbox.take(CountShare, 4)) == (None, "next")
    with pytest.raises(RoundAhead, match="a message of round 5 in round 3"):
        inbox.put(message(CountShare, 5, 0), "far", number=3)
    with pytest.raises(RoundAhead, match=f"got part {MOST_PARTS}"):
        inbox.put(message(CountShare, 3, MOST_PARTS), "part", number=3)
    inbox.forget(3)
    assert inbox.take(CountShare, 4) == "next"
    inbox.forget(4)
    assert inbox.take(CountShare, 4) is None


def test_who_waits_looks_again_whenever_something_comes_and_no_longer_than_it_may():
    async def wait():
        inbox, looks = Inbox(), []

        def holds():
            looks.append(None)
            return inbox.take(CountShare, 0) is not None

        waiting = asyncio.ensure_future(inbox.until(holds, 20.0))
        await asyncio.sleep(0)
        inbox.notify()
        await asyncio.sleep(0)
        assert not waiting.done()
        inbox.put(message(CountShare, 0, 0), "here", number=0)
        assert await waiting
        assert len(looks) == 3
        return await Inbox().until(lambda: False, 0.0)

    assert asyncio.run(wait()) is False
