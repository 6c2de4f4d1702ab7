"""Public numbers of an environment: all are told what the engine signed, once, or the run ends alike."""

import numpy as np
import pytest

from protocols.errors import LpmError, ResultsDiffer
from protocols.masking.messages import ClientReply, StepNotice, to_bytes
from tests.masked_endings import ending, endings
from tests.masked_lies import ENVIRONMENT_LIES, LIAR, few, replace
from tests.user_models import Closures

WORLDS = ({"bears": 6, "said": 0, "stage": 0}, {"bears": 0, "said": 3, "stage": 2})
NUMBERS = (1, -5)  # closure and weather


@pytest.fixture
def begin(start_model):
    return lambda **given: start_model(Closures, {"engine": True, "max_message": 12}, **given)


def words(run, world):
    """Return both clients' words: thresholds, what each tells all others', and in which stage their agents are."""
    plan, number = run.plan, run.aggregators[0].number
    phase, last = plan.phase(number).name, plan.manifest.schedule.step(number) == plan.manifest.steps
    if phase != "SPEAK":
        return {name: np.full(2, world["bears"] if phase == "THRESHOLDS" else 0, np.uint64) for name in plan.names}
    spoken = {}
    for name, places in (("client-0", [2, 3]), ("client-1", [0, 1])):
        exposure, tally = np.zeros((4, 1), np.int64), np.zeros(4, np.int64)
        exposure[places], tally[world["stage"]] = 0 if last else world["said"], 2
        spoken[name] = plan.layout.pack(exposure, np.zeros(0, np.int64), tally)
    return spoken


def play(run, world, numbers=NUMBERS, rounds=4):
    """Return what all were told in the last round that announces."""
    told = {}
    for _ in range(rounds):
        announces = run.plan.announces(run.aggregators[0].number)
        readings = run.play(words(run, world), np.array(numbers, np.int64) if announces else None)
        told = readings if announces else told
    return told


@pytest.mark.parametrize("world", WORLDS)
def test_all_are_told_the_numbers_that_the_engine_announced(world, begin):
    run = begin()
    told = play(run, world)
    assert set(told) == {"client-0", "client-1", "engine"}
    assert {tuple(each.announcement) for each in told.values()} == {NUMBERS}
    assert run.play(words(run, world))["client-0"].outcomes.tolist() == [[int(world["said"] > world["bears"])]] * 2


FEW = few(ENVIRONMENT_LIES, "a public number is changed for one client", "public numbers are left out")


@pytest.mark.parametrize("lie", FEW)
def test_a_lie_about_what_was_announced_ends_the_run_alike_in_all_worlds(lie, begin):
    assert len(endings(ENVIRONMENT_LIES[lie], begin, play, WORLDS)) == 1


@pytest.mark.parametrize("numbers", [(2, 0), (0, 6), (0, -6), (-1, 0), (0,), (0, 0, 0)])
def test_numbers_out_of_their_ranges_or_too_many_end_the_run_before_anything_is_told(numbers, begin):
    found = set()
    for world in WORLDS:
        run = begin()
        run.play(words(run, world))

        def act(run=run, world=world):
            for name, x in words(run, world).items():
                run.hand(name, run.clients[name].message(1, x))
            try:
                run.announce(1, np.array(numbers, np.int64))
            finally:
                run.stop()

        found.add(ending(run, act))
    assert len(found) == 1


@pytest.mark.parametrize("world", WORLDS)
def test_an_engine_that_announces_other_numbers_to_one_aggregator_ends_the_run(world, begin):
    run = begin()
    run.play(words(run, world))
    for name, x in words(run, world).items():
        run.hand(name, run.clients[name].message(1, x))
    for closure, party in zip((0, 1), run.aggregators, strict=True):
        numbers = to_bytes(np.array([closure, 0], np.uint64))
        party.receive(run.signers["engine"].send(StepNotice(run=run.plan.run, number=1, words=numbers)))
    with pytest.raises(ResultsDiffer):
        run.finish()
    assert run.dealer.ending


@pytest.mark.parametrize("announcement", [b"", to_bytes(np.array([2, 0], np.uint64)), bytes(8)])
def test_a_client_takes_no_number_out_of_its_range_even_from_both(announcement, begin):
    """Both aggregators together could else move agents where the model's graph was not proved for."""
    run = begin()
    run.play(words(run, WORLDS[0]))
    given = {"run": run.plan.run, "number": 1, "client": "client-0", "accepted": run.plan.names, "answers": b""}
    reply = ClientReply(**given, announcement=announcement, release=bytes(8 * 4))
    both = tuple(run.signers[name].send(reply) for name in ("aggregator-0", LIAR))
    with pytest.raises(LpmError):
        run.clients["client-0"].open(1, both)
    right = replace(reply, announcement=bytes(16))
    assert run.clients["client-1"].ending == ""
    other = tuple(run.signers[name].send(replace(right, client="client-1")) for name in ("aggregator-0", LIAR))
    assert run.clients["client-1"].open(1, other).announcement.tolist() == [0, 0]
