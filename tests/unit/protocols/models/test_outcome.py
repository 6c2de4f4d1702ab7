"""What parties need to know of an outcome: its columns, their bits, and what its holder learns."""

import pytest

from protocols.errors import WouldWrap
from protocols.models.outcome import LARGEST_SUM, OutcomeSpec, bound_level

PLAIN = {"name": "caught", "coefficients": (1,)}


@pytest.mark.parametrize(
    ("given", "columns", "multiplies"),
    [
        ({}, ("level",), False),
        ({"threshold": "step"}, ("level", "threshold"), False),
        ({"threshold": "restart", "restarts": True}, ("level", "threshold", "anew"), True),
        ({"restarts": True, "keep": False}, ("level",), False),
        ({"weight": 5}, ("level", "weight"), True),
        ({"reveals": "sum", "threshold": "step"}, ("level",), False),
    ],
)
def test_a_client_tells_of_each_agent_what_the_outcome_asks(given, columns, multiplies):
    outcome = OutcomeSpec(**PLAIN, **given)
    assert (outcome.columns, outcome.multiplies) == (columns, multiplies)
    bits = {"level": 40, "threshold": 41, "anew": 1, "weight": 3}
    assert outcome.column_bits(level=40, threshold=41) == [bits[name] for name in columns]


def test_a_page_says_a_bit_or_the_exact_sum():
    assert OutcomeSpec(**PLAIN).disclosure == "a bit: caught above a private threshold (told once)"
    assert OutcomeSpec(**PLAIN, reveals="sum").disclosure == "the exact sum caught"


def test_a_level_that_could_wrap_is_refused_and_a_sum_beyond_its_words():
    assert bound_level("caught", 2**62, reveals="bit") == 2**62
    assert bound_level("caught", LARGEST_SUM, reveals="sum") == LARGEST_SUM
    with pytest.raises(WouldWrap, match=r"the sum that caught reveals could reach 2\*\*58\.0"):
        bound_level("caught", 2**58, reveals="sum")
    with pytest.raises(WouldWrap, match="the level of caught"):
        bound_level("caught", 2**63, reveals="bit")
