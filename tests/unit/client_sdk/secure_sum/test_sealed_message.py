"""Shares as messages are of runs without a dealer."""

import numpy as np
import pytest

from client_sdk.secure_sum.sealed_message import seal_shares
from lpm_secure.secure_sum.parties import NOWHERE, manifest_for
from protocols.errors import ParameterError


def test_a_vector_is_not_shared_as_messages_where_security_is_active():
    active = manifest_for(("a", "b"), (3,), [NOWHERE] * 2, rounds=1, min_cohort=2, dealer=NOWHERE)
    with pytest.raises(ParameterError, match="no dealer"):
        seal_shares(np.zeros(3, np.uint64), active, None, number=1)
