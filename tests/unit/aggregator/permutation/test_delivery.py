"""Tokens are delivered of all clients, or set nothing up."""

import pytest

from aggregator.permutation.delivery import require_all_tokens
from aggregator.store import RoundClosure
from protocols.errors import CohortTooSmall
from protocols.task.rounds import Phase


def test_nothing_is_set_up_when_a_client_left_before_its_tokens_came():
    done = RoundClosure(0, (), ("a", "b"), {}, b"", b"", b"")
    require_all_tokens(Phase.TOKENS, {"a", "b", "c"}, done)
    require_all_tokens(Phase.SPEAK, {"a"}, done)
    with pytest.raises(CohortTooSmall, match="1 client left"):
        require_all_tokens(Phase.TOKENS, {"a"}, done)
