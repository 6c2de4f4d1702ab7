"""Long parts of messages travel beside them: the same run, and a part that was changed on its way is noticed by all.

Runs are small, so whatever has parts sends them beside its content here.
"""

import msgspec
import pytest

from protocols.errors import BadSignature, LpmError, WireError
from protocols.identity import attachment
from tests.masked_runs import Recorder, Secrets

WORLDS = ({"tau": (0, 0), "said": 3}, {"tau": (7, 7), "said": 1}, {"tau": (0, 7), "said": 3})


@pytest.fixture
def short(monkeypatch):
    monkeypatch.setattr(attachment, "LEAST", 1)


def turned(part):
    changed = bytearray(part)
    changed[len(changed) // 2] ^= 1
    return memoryview(bytes(changed))


class Courier:
    """Changes the parts of one message on its way, once."""

    def __init__(self, sender, receiver, change, at=0):
        self.way, self.change, self.left = (sender, receiver), change, at + 1

    def __call__(self, sender, receiver, message):
        if (sender, receiver) != self.way or not message.parts or self.left == 0:
            return message
        self.left -= 1
        return message if self.left else msgspec.structs.replace(message, parts=self.change(message.parts))


CHANGES = {
    "a bit turned": lambda parts: (turned(parts[0]), *parts[1:]),
    "a bit turned in the last": lambda parts: (*parts[:-1], turned(parts[-1])),
    "none": lambda parts: (),
    "one left out": lambda parts: parts[1:],
    "one twice": lambda parts: (parts[0], *parts),
    "turned round": lambda parts: parts[::-1],
}


def play(run, world):
    secrets = Secrets(**world)
    return [run.play(secrets.words(run)) for _ in range(4)]


@pytest.mark.parametrize("world", WORLDS)
def test_a_run_whose_messages_have_parts_tells_what_one_without_tells(world, start, monkeypatch):
    plain = play(start(), world)
    monkeypatch.setattr(attachment, "LEAST", 1)
    heard = Recorder("aggregator-0")
    run = start(between=heard)
    told, dealt = play(run, world), 1 if run.plan.opens_bits else 6
    assert {len(each.parts) for each in heard.messages if b"WordsNotice" in each.content} == {2}
    assert {len(each.parts) for each in heard.messages if b"ReleaseAnswer" in each.content} == {0, dealt}
    for one, other in zip(plain, told, strict=True):
        assert one.keys() == other.keys()
        for name, reading in one.items():
            assert reading.outcomes.tolist() == other[name].outcomes.tolist()
            assert reading.release.tolist() == other[name].release.tolist()


@pytest.mark.parametrize("change", CHANGES)
def test_keys_that_were_changed_on_their_way_are_one_end_for_all_in_all_worlds(change, start, short):
    endings = set()
    for world in WORLDS:
        run = start(between=Courier("dealer", "aggregator-1", CHANGES[change]))
        with pytest.raises((BadSignature, WireError)) as error:
            play(run, world)
        assert all(party.ending for party in (*run.aggregators, run.dealer, *run.clients.values()))
        endings.add((run.aggregators[0].number, type(error.value).__name__))
    assert len(endings) == 1


@pytest.mark.parametrize("change", CHANGES)
@pytest.mark.parametrize("world", WORLDS)
def test_words_that_were_changed_on_their_way_to_one_are_handed_on_by_the_other(change, world, start, short):
    """Nobody signed them; what the client has signed comes by the other aggregator."""
    run = start(between=Courier("client-0", "aggregator-0", CHANGES[change], at=1))
    plain = play(start(), world)
    told = play(run, world)
    assert told[2]["client-0"].outcomes.tolist() == plain[2]["client-0"].outcomes.tolist()


def test_an_aggregator_that_hands_on_other_parts_comes_to_nothing(start, short):
    """It is as if it had handed on nothing: the round stays open at the other, which has not heard the client."""
    for change in CHANGES.values():
        run = start()
        secrets = Secrets()
        run.play(secrets.words(run))
        one, two = run.aggregators
        message = run.clients["client-0"].message(1, secrets.words(run)["client-0"])
        one.receive(message)
        two.receive(msgspec.structs.replace(message, parts=change(message.parts)), handed=True)
        assert one.offer().keys() == {"client-0"}
        assert not two.offer()
        try:
            two.receive(message)
        except LpmError as error:
            raise AssertionError("the run has ended") from error
        assert two.offer() == one.offer()
