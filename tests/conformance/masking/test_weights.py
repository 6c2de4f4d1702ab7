"""Private weights: a bit stands where weight times exposure is above the threshold, and a lie ends the run alike."""

import numpy as np
import pytest

from protocols.errors import WouldWrap
from protocols.masking.messages import LevelShare, from_bytes
from protocols.masking.words import residue
from tests.masked_endings import endings
from tests.masked_lies import WEIGHT_LIES, few
from tests.user_models import Opinion

SAID = (3, 2)  # to agents 0 and 1
WORLDS = ({"weights": (0, 0), "tau": (0, 0)}, {"weights": (9, 1), "tau": (20, 0)})


@pytest.fixture
def begin(start_model):
    return lambda most=4, **given: start_model(Opinion, {"max_message": most}, **given)


def words(run, weights, tau, own=(0, 0)):
    """Return both clients' words: client-1 tells agents 0 and 1, whose client knows `own` of their levels itself."""
    plan, number = run.plan, run.aggregators[0].number
    phase = plan.phase(number).name
    if phase == "THRESHOLDS":
        return {"client-0": np.array(tau, np.uint64), "client-1": np.full(2, 60, np.uint64)}
    if phase == "DECIDE":
        told = np.array([own, weights], np.uint64).T.reshape(-1)
        return {"client-0": told, "client-1": np.zeros(4, np.uint64)}
    spoken = {name: np.zeros((4, 1), np.int64) for name in plan.names}
    if plan.manifest.schedule.step(number) < plan.manifest.steps:
        spoken["client-1"][:2, 0] = SAID
    return {name: plan.layout.pack(each, np.zeros(0, np.int64), np.array([2, 0])) for name, each in spoken.items()}


def play(run, rounds=5, **world):
    """Return the bits of client-0 in each decision."""
    readings = [run.play(words(run, **world))["client-0"].outcomes for _ in range(rounds)]
    return [each[:, 0].tolist() for each in readings if each.size]


@pytest.mark.parametrize(("weights", "own"), [((0, 9), (0, 0)), ((8, 5), (2, 1))])
def test_a_bit_stands_where_weight_times_exposure_and_own_part_are_above_the_threshold(weights, own, begin):
    """With the level one above the threshold for one agent and equal to it for the other, and the other way round."""
    levels = [w * x + o for w, x, o in zip(weights, SAID, own, strict=True)]
    for below in ((1, 0), (0, 1)):
        tau = tuple(max(0, level - each) for level, each in zip(levels, below, strict=True))
        expected = [int(level > each) for level, each in zip(levels, tau, strict=True)]
        assert play(begin(), weights=weights, tau=tau, own=own) == [expected] * 2


FEW = few(
    WEIGHT_LIES,
    "the product of a weight's last bit is raised",
    "another bit of a weight is taken",
    "products are nothing",
)


@pytest.mark.parametrize("lie", FEW)
def test_a_lie_about_a_product_ends_the_run_alike_in_all_worlds(lie, begin):
    assert len(endings(WEIGHT_LIES[lie], begin, lambda run, world: play(run, **world), WORLDS)) == 1


@pytest.mark.parametrize(("word", "value"), [(1, 16), (3, 2**20), (1, 2**58 - 1)])
def test_a_weight_out_of_its_range_leaves_its_client_out(word, value, begin):
    run = begin()
    play(run, rounds=2, **WORLDS[0])
    spoken = words(run, **WORLDS[0])
    spoken["client-0"][word] = value
    assert run.play(spoken)["client-1"].accepted == ("client-1",)


def test_what_lying_clients_could_say_of_weights_counts_in_the_bound_of_a_level(begin):
    """The largest weight is 9, and a client can say 15 within its four bits."""
    assert begin(most=2**49)
    with pytest.raises(WouldWrap, match="level of yes"):
        begin(most=2**50)


def opened(run, world):
    """Return all words that both aggregators open of products in the first decision."""
    shares = []

    def keep(sender, receiver, message):
        if b"LevelShare" in message.content:
            shares.append(from_bytes(run.dealer.read(message, LevelShare).shares).reshape(-1, 2)[:, 0])
        return message

    run.between = keep
    play(run, rounds=3, **world)
    return residue(shares[0] + shares[1])


@pytest.mark.parametrize("world", [WORLDS[0], pytest.param(WORLDS[1], marks=pytest.mark.slow)])
def test_what_is_opened_of_products_is_uniform_whatever_the_weights_are(world, begin):
    """Four bits of four agents each; without a pad a bit of 0 would open 0."""
    words = np.concatenate([opened(begin(), world) for _ in range(8)])
    assert words.size == 8 * 16
    assert np.unique(words).size == words.size
    tops = np.bincount((words >> np.uint64(55)).astype(np.int64), minlength=8)
    assert ((tops - 16) ** 2 / 16).sum() < 24.3  # 7 degrees of freedom, one alarm in 1,000
