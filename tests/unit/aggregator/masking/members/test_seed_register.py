"""Seeds at the dealer: each serves from one round on, in its client's own name, and counters only rise."""

import os

import msgspec
import pytest

from aggregator.masking.members.seed_register import SeedRegister
from protocols.errors import ResultsDiffer
from protocols.identity.sealing_key import SealingKey, public_key
from protocols.identity.signing import new_key
from protocols.masking.envelope import Signer
from protocols.masking.journal import MemoryJournal
from protocols.masking.seed import SealedSeed

RUN, ROUND = bytes(32), 0
KEY = SealingKey.generate()
SIGNERS = {name: Signer(name, new_key(), os.urandom(32)) for name in ("north", "south")}
SEEDS = {name: SealedSeed.draw(RUN, name, public_key(KEY.public)) for name in SIGNERS}


def notice(client="north", *, sender=None, **changes):
    told = msgspec.structs.replace(SEEDS[client].notice, **changes)
    return SIGNERS[sender or client].send(told), told


@pytest.fixture
def register():
    return SeedRegister(KEY, MemoryJournal())


def test_a_seed_serves_when_its_counter_stands_in_the_journal(register):
    assert register.take([notice(), notice("south")], ROUND) == {"north", "south"}
    assert register.counters == {"north": 1, "south": 1}
    assert register.sources == {name: seed.source for name, seed in SEEDS.items()}
    assert register.journal.entry("seed north 1") == notice()[0].digest
    assert str(SEEDS["north"].source.seed) not in repr(register)


@pytest.mark.parametrize(
    ("given", "match"),
    [
        ([{"sender": "south"}], "another client's name"),
        ([{}, {"counter": 2}], "or twice"),
        ([{"number": ROUND + 1}], "of another round"),
        ([{"counter": 0}], "of before"),
    ],
)
def test_one_in_another_name_round_or_of_before_ends_the_run(given, match, register):
    with pytest.raises(ResultsDiffer, match=match):
        register.take([notice(**each) for each in given], ROUND)


def test_no_seed_serves_twice_and_one_that_does_not_open_leaves_none(register):
    register.take([notice()], ROUND)
    with pytest.raises(ResultsDiffer, match="of before"):
        register.take([notice()], ROUND)
    assert register.take([notice(counter=2)], ROUND) == {"north"}  # it was sealed under another counter
    assert (register.sources, register.counters) == ({}, {"north": 2})
