"""What a client tells of its own levels in a decision: by how much they grew, since they began."""

import numpy as np
import pytest

from client_sdk.masking.exchange import MaskedExchange
from lpm_secure.testbed.masked_run import MaskedRun


@pytest.fixture
def exchange(manifest_of, seir):
    model = seir(beta=(1,), f=1, waning=(2**31, 2**31))
    run = MaskedRun.draw(manifest_of(((1, 2), (3, 4)), mode="outcome", model=model)).start()
    return MaskedExchange(run.clients["client-0"], channel=None)


def test_a_level_is_told_as_its_growth_and_in_full_where_it_began_anew(exchange):
    first = np.array([[5, 9, 0], [7, 9, 0]], np.uint64)
    second = np.array([[8, 9, 0], [3, 9, 1]], np.uint64)
    assert exchange._growth(first.reshape(-1)).tolist() == first.reshape(-1).tolist()
    exchange._told = exchange._levels(first.reshape(-1))
    assert exchange._growth(second.reshape(-1)).tolist() == [3, 9, 0, 3, 9, 1]
