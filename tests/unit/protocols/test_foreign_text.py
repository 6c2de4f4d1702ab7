"""A text of another party is one printable line."""

from protocols.foreign_text import LONGEST, line_of


def test_a_text_is_cut_and_moves_no_cursor():
    assert line_of("step 3\r\x1b[2Kall is well\n\u202eso") == "step 3  [2Kall is well  so"
    assert line_of("Zoë " * 1_000) == ("Zoë " * 1_000)[:LONGEST]
