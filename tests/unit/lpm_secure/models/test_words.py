"""What is shown of stages is chosen by their names, whatever model they are of."""

from lpm_secure.models.words import COLOURS, colours_of, departure_words, shares, word_of


def test_known_stages_keep_their_words_and_colours():
    assert [word_of(name) for name in ("S", "E", "I", "R", "NO")] == [
        "susceptible",
        "exposed",
        "infectious",
        "recovered",
        "NO",
    ]
    assert colours_of(("S", "E", "I", "R")) == ("#4477aa", "#ccbb44", "#ee6677", "#228833")


def test_others_take_colours_in_turn_that_no_known_stage_of_the_run_has():
    assert colours_of(("NO", "YES")) == COLOURS[:2]
    mixed = colours_of(("S", "NO", "I", "YES"))
    assert len(set(mixed)) == 4
    assert colours_of(tuple("abcdefghijkl"))[10:] == COLOURS[:2]  # and again from the first one


def test_who_left_the_first_stage_is_spoken_of_by_its_name():
    assert departure_words("S").column == "incidence"
    assert departure_words("S").share == "attack_rate"
    other = departure_words("NO")
    assert (other.column, other.returns, other.share) == ("left_NO", "left NO, less returns", None)


def test_shares_are_those_of_all_stages_or_of_the_one_that_is_asked_for():
    assert shares(["NO", "YES"], [71, 29]) == "NO 71% YES 29%"
    assert shares(["S", "E", "I", "R"], [90, 0, 5, 5]) == "prevalence 5.0%"
    assert shares(["NO", "YES"], [0, 0]) == "NO 0% YES 0%"
