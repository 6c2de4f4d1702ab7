"""What a manifest of a secure sum says, and must not say."""

import msgspec
import pytest

from client_sdk.secure_sum.contribution import Contribution
from protocols.errors import ParameterError, WouldWrap
from protocols.releases.query import Release, Releases
from protocols.task.layout import Layout
from protocols.task.policy import outputs_of
from protocols.task.release_plan import ReleasePlan
from tests.sum_manifests import WORDS, sum_manifest, sum_releases


def test_a_sum_shares_words_of_its_vector_alone_and_releases_every_other_round():
    manifest = sum_manifest()
    layout = Layout.of(manifest)
    assert (layout.d, layout.c, layout.q) == (WORDS, 0, 0)
    assert [[each.name for each in ReleasePlan.of(manifest).in_step(step)] for step in range(4)] == [[], ["sum"]] * 2
    assert outputs_of(manifest) == ("sum",)


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"min_cohort": 1}, "at least 2 clients"),
        ({"releases": Releases(each=(Release(name="tally"),))}, "nothing else"),
        ({"releases": sum_releases(times=2)}, "times to 3"),
        ({"releases": sum_releases(sensitivity=2)}, "sensitivity to 1"),
    ],
)
def test_a_manifest_of_a_sum_that_contradicts_itself_is_refused(changes, why):
    with pytest.raises(ParameterError, match=why):
        msgspec.structs.replace(sum_manifest(), **changes)


def test_gradients_that_could_wrap_are_refused_with_their_noise():
    wide = Contribution(clip=2.0**35, bits=24)
    sum_manifest(wide)
    with pytest.raises(WouldWrap, match="noise"):
        sum_manifest(wide, releases=sum_releases(scale=2.0))
