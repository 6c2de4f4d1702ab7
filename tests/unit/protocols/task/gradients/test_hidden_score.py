"""The score that aggregators add up on shares: its integers, its error, and what is refused or lost on the way."""

import msgspec
import pytest

from protocols.errors import ParameterError, WouldWrap
from protocols.models.gradient import Gradient
from protocols.models.likelihood.factors.integer_score import coarse_factors
from protocols.task.layout import Layout
from protocols.task.ranges import Ranges
from protocols.task.rounds import Phase
from tests.hidden_scores import hidden_score_testbed


@pytest.fixture
def testbed(seir, manifest_of):
    return hidden_score_testbed(seir, manifest_of)


def changed(testbed, **changes):
    return msgspec.structs.replace(testbed.manifest, **changes)


def test_the_largest_hazard_that_a_client_may_have_is_in_its_range_however_it_is_rounded(testbed, seir):
    beta, f = 3 * 2**24, 40  # 0.75 of the unit on shares, which is rounded to 1
    gradient = Gradient(way="score", parameters=("scale.infection",), largest_hazard=63.9)
    manifest = changed(testbed, model=seir(listed=False, beta=(beta,), f=f), gradient=gradient)
    largest = int(gradient.largest_hazard * 2**f / beta) * int(coarse_factors((beta,), f)[0])
    number = manifest.schedule.number(1, Phase.SPEAK)
    bits = Ranges(manifest).bits("client-0", number)[: Layout.of(manifest).message_words].reshape(6, -1)
    assert bits[0, 1] == largest.bit_length() == 21
    assert bits[0, 2:].tolist() == [1, 1]
    assert not bits[3:, 1:].any()


def test_suppressed_counts_and_gradients_are_not_asked_for_together(testbed):
    with pytest.raises(ParameterError, match="min_count is 3: small counts are suppressed in runs without derivatives"):
        changed(testbed, min_count=3)


@pytest.mark.parametrize(
    ("gradient", "model", "message"),
    [
        ({"parameters": ("contact_rate",)}, {}, "there are scores by infectious_law, initial, latent_law, scale.inf"),
        ({"parameters": ("scale.infection",)}, {"beta": (2**20,)}, "has a coefficient below"),
        ({"parameters": ("scale.infection",), "largest_hazard": 64.0}, {"n": 400_000}, "the score of all agents"),
    ],
)
def test_a_manifest_refuses_scores_that_shares_cannot_carry(testbed, seir, gradient, model, message):
    n = model.pop("n", None)
    given = {"gradient": Gradient(way="score", **gradient)}
    if n is not None:
        given["clients"] = tuple(
            type(client)(client.name, tuple(range(index * n, (index + 1) * n)))
            for index, client in enumerate(testbed.manifest.clients)
        )
        given["max_message"] = 1
    if model:
        given["model"] = seir(listed=False, **model)
    with pytest.raises((ParameterError, WouldWrap), match=message):
        changed(testbed, **given)
