"""Values on a terminal."""

from protocols.report.terminal import align


def test_values_stand_below_each_other():
    assert align([("a", "1"), ("long", "2")]) == ("a     1", "long  2")
