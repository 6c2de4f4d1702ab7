"""Numbers of agents, as people write them."""

import pytest

from lpm_secure.populations.agents import agents_of
from protocols.errors import ParameterError


@pytest.mark.parametrize(
    ("text", "n"),
    [("8.4M", 8_400_000), ("100k", 100_000), ("250000", 250_000), ("250_000", 250_000), ("1.5m", 1_500_000)],
)
def test_numbers_of_agents_are_read_as_people_write_them(text, n):
    assert agents_of(text) == n


@pytest.mark.parametrize("text", ["", "many", "-5", "1.2345k", "8,4M0k", "1e6", "0x10", "1..2k"])
def test_other_numbers_of_agents_are_refused(text):
    with pytest.raises(ParameterError, match="agents"):
        agents_of(text)
