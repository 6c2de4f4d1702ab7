"""What a client tells of its agents' scores."""

import msgspec
import pytest

from client_sdk.simulation.own_score import OwnScore
from lpm_secure.testbed.testbed import Testbed
from protocols.errors import DataError
from protocols.models.gradient import Gradient
from protocols.task.layout import Layout
from protocols.task.release_plan import ReleasePlan
from tests.hidden_scores import hidden_score_testbed


@pytest.fixture
def testbed(seir, manifest_of):
    return hidden_score_testbed(seir, manifest_of)


def changed(testbed, **changes):
    return msgspec.structs.replace(testbed.manifest, **changes)


def test_a_client_refuses_contacts_that_could_exceed_the_largest_hazard(testbed):
    gradient = Gradient(way="score", parameters=("scale.infection",), largest_hazard=0.3)
    manifest = changed(testbed, gradient=gradient)
    heavy = Testbed(manifest, testbed.contacts, testbed.cell, 0, "drawn", True).private_state("client-0")
    with pytest.raises(DataError, match="largest hazard"):
        OwnScore(manifest.model, ReleasePlan.of(manifest), Layout.of(manifest), heavy, factors=1)
