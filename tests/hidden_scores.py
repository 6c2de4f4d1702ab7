"""A small run whose score aggregators add up on shares, for tests of its parts."""

import numpy as np

from client_sdk import ContactTable
from lpm_secure.testbed.testbed import Testbed
from protocols.models.gradient import Gradient


def hidden_score_testbed(seir, manifest_of):
    """Return six people in two clients, two of them in contact, in a run whose score is added up on shares."""
    manifest = manifest_of(
        [[1, 2, 3], [4, 5, 6]],
        model=seir(listed=False, beta=(2**38,), initial=2**31),
        steps=5,
        mode="outcome",
        engine=True,
        min_cohort=2,
        gradient=Gradient(way="score", parameters=("scale.infection", "initial")),
    )
    a, b = np.array([0, 1, 2, 3, 0]), np.array([3, 4, 5, 4, 1])
    table = ContactTable(np.zeros_like(a), a, b, np.zeros_like(a), np.ones_like(a))
    return Testbed(manifest, table, np.zeros(0, dtype=np.int64), 0, "drawn", True)
