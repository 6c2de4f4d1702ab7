"""Which party a node of Flower is."""

import pytest
from flwr.app import Context, RecordDict

from lpm_secure.flower.node import Node
from protocols.errors import (
    ConfigError,
)


def test_a_node_that_does_not_say_who_it_is_is_told_how():
    with pytest.raises(ConfigError, match="--node-config"):
        Node.of(Context(1, 1, {}, RecordDict(), {}))
