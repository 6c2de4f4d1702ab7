"""Counts in words."""

from protocols.quantity import quantity


def test_one_is_in_the_singular_and_many_have_their_thousands_apart():
    assert [quantity(n, "client") for n in (0, 1, 2, 2000)] == ["0 clients", "1 client", "2 clients", "2,000 clients"]
