"""Keys that cannot be."""

import pytest

from protocols.errors import ParameterError
from protocols.identity.sealing_key import public_key


def test_a_pinned_key_that_is_none_is_refused():
    with pytest.raises(ParameterError, match="pins a sealing key that is none"):
        public_key(b"\xff" * 1216)
