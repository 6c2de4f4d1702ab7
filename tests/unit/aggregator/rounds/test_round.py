"""Whom all aggregators count in a round."""

import pytest

from aggregator.rounds.round import agree
from protocols.wire.messages import Members

ONE, OTHER = (bytes([number]) * 16 for number in (1, 2))
MINE = {"a": ONE, "b": OTHER}


def members(starts):
    return Members(0, tuple(starts), starts=tuple(starts.values()))


@pytest.mark.parametrize(
    ("theirs", "counted", "notices"),
    [
        ([MINE], {"a", "b"}, 0),
        ([MINE, MINE], {"a", "b"}, 0),
        ([MINE, {"a": ONE}], {"a"}, 0),
        ([{"b": OTHER, "c": ONE}, MINE], {"b"}, 0),
        ([{"a": ONE, "b": ONE}], {"a"}, 1),
        ([MINE, {"a": OTHER, "b": OTHER}], {"b"}, 1),
        ([{"a": OTHER, "b": OTHER}, {"a": OTHER, "b": ONE}], set(), 2),
        ([{}], set(), 0),
    ],
)
def test_a_client_counts_that_all_aggregators_heard_from_one_start(theirs, counted, notices, caplog):
    assert agree(MINE, [members(each) for each in theirs]) == counted
    assert caplog.text.count("two starts of a client in one round; it is away") == notices
