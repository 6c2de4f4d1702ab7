"""A project says everything that a manifest of real parties can, and a contradiction is one line."""

import datetime

import pytest

from lpm_secure.project.manifest import manifest_of
from lpm_secure.project.project_file import load
from lpm_secure.project.scaffold import project_text
from protocols.errors import LpmError

FIRST = project_text("winter", today=datetime.datetime(2026, 3, 2, tzinfo=datetime.UTC))
TEXT = FIRST[: FIRST.index("[releases]")] + FIRST[FIRST.index("# Derivatives") :]  # without noise, which takes seconds


def made(folder, *changes):
    """Return the manifest of the first project with some lines changed."""
    text = TEXT
    for old, new in changes:
        assert old in text
        text = text.replace(old, new)
    (folder / "project.toml").write_text(text)
    return manifest_of(load(folder / "project.toml"), folder)


NO_CELLS = (TEXT[TEXT.index("[cells]") : TEXT.index("# What columns")], "")


def test_all_that_a_manifest_says_is_said(tmp_path):
    (tmp_path / "anne.txt").write_text("900\n901\n")
    manifest = made(
        tmp_path,
        ("# validity", "validity"),
        ("# engine_identity = ", "engine = true  #"),
        ("# testbed_seed", "testbed_seed"),
        ("# period", "period"),
        ("# dt", "dt"),
        ("agents = 35", "agents = [700, 800]"),
        ("agents = 25", 'agents = "anne.txt"'),
    )
    said = (manifest.validity, manifest.engine, manifest.testbed_seed, manifest.period, manifest.dt)
    assert said == ("off", True, 1, 7, 0.5)
    assert [client.agents[-2:] for client in manifest.clients] == [(39, 40), (700, 800), (900, 901)]


def test_an_active_project_has_its_security(tmp_path):
    active = made(tmp_path, ("# security", "security"), ('mpc = "agg-a', '# "'), ('mpc = "agg-b', '# "'))
    assert active.security == "active"


def test_a_score_is_asked_for(tmp_path):
    manifest = made(
        tmp_path,
        ("# [gradient]\n# way", "[gradient]\nway"),
        ("# parameters = [", "parameters = ["),
        ('# mode = "sum"', 'mode = "sum"'),
        ("min_count = 5", "min_count = 0"),
        NO_CELLS,
        ('since = "the', '# "'),
        ('mpc = "agg-a', '# "'),
        ('mpc = "agg-b', '# "'),
        (TEXT[TEXT.index("[dealer]") : TEXT.index("# Institutions")], ""),
    )
    assert (manifest.gradient.way, manifest.gradient.parameters) == ("score", ("contact_rate",))


def test_twins_of_a_project_are_of_all_its_clients(tmp_path):
    places = [("agents = 40", 'agents = 4\ntwins = { "ward 1" = 1, "ward 2" = 3 }')]
    places += [(f"agents = {n}", f'agents = {n}\ntwins = {{ "ward 2" = {n} }}') for n in (35, 25)]
    manifest = made(tmp_path, *places, ("# engine_identity = ", "engine = true  #"))
    assert manifest.twins == {"st-mary": (1, 3), "st-john": (0, 35), "st-anne": (0, 25)}
    with pytest.raises(LpmError, match="the twins of st-john are 0 in 2 cells; it has 35 agents"):
        made(tmp_path, places[0], ("# engine_identity = ", "engine = true  #"))
    with pytest.raises(LpmError, match=r"the twins of client st-mary are in ward 3, which is no cell .* mean ward 2"):
        made(tmp_path, ("agents = 40", 'agents = 4\ntwins = { "ward 3" = 4 }'))


MISTAKES = {
    "a misspelt key": ("min_count = 5", "min_cuont = 5", "unknown field `min_cuont`; did you mean `min_count`?"),
    "a misspelt key of a server": ("mpc = ", "mcp = ", "`$.aggregators[0]`; did you mean `mpc`?"),
    "permuted edges without a degree": ("# edges", "edges", "go together: give both, or neither"),
    "two of one name": ('name = "st-john"', 'name = "st-mary"', "two parties have the name st-mary"),
    "a client named as a role": ('name = "st-john"', 'name = "engine"', "a role in a run has that name"),
    "more clients than there are": ("min_cohort = 3", "min_cohort = 4", "the run has 3 clients: set it lower"),
    "an end before the begin": ("not_after = 2026-05-31", "not_after = 2026-01-31", "would end at 2026-01-31"),
    "a time of no zone": ("not_after = 2026-05-31 00:00:00+00:00", "not_after = 2026-05-31 00:00:00", "ending in Z"),
    "two servers of one operator": ('"charity"', '"university"', "two parties have the same operator"),
    "two servers at one address": ("agg-b.example:8443", "agg-a.example:8443", "the address agg-a.example:8443; each"),
    "services at one address": ("agg-a.example:8444", "agg-a.example:8443", "the address agg-a.example:8443; each"),
    "no such port": ("agg-a.example:8444", "agg-a.example:84440", "there are 1 to 65535"),
    "port 0": ("agg-a.example:8444", "agg-a.example:0", "there are 1 to 65535"),
    "an address without a port": ("agg-a.example:8444", "agg-a.example", "Expected host and port, such as server"),
    "a name with a space": ('name = "winter"', 'name = "winter 26"', "Expected a name of a-z, 0-9"),
    "cells as numbers": ('"ward 1" = 40', '"ward 1" = "40"', "Expected `int`, got `str`"),
    "a file that is not there": ("agents = 25", 'agents = "anne.txt"', "agents are a number, a list of numbers, or"),
}  # fmt: skip


@pytest.mark.parametrize(("old", "new", "said"), MISTAKES.values(), ids=MISTAKES)
def test_a_mistake_in_a_project_is_one_line(tmp_path, old, new, said):
    with pytest.raises(LpmError) as caught:
        made(tmp_path, (old, new))
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)


def test_cells_of_who_moves_have_the_models_names_and_room_for_all(tmp_path):
    table = TEXT[TEXT.index("# The epidemic") : TEXT.index("# What columns")]
    words = TEXT[TEXT.index("[dictionary]") : TEXT.index("# Derivatives")]

    def moved(cells):
        text = f"[cells]\n{cells}\n"
        return made(tmp_path, (table, text), (words, ""), ("min_count = 5", 'model = "tests.moving_models:Places"'))

    assert moved("HOME = 100\nSHOP = 200\nPARK = 150").cells == (100, 200, 150)
    with pytest.raises(LpmError, match=r"\[cells\] has HOME, PARK, SHOP; agents move between HOME, SHOP, PARK"):
        moved("HOME = 99\nPARK = 99\nSHOP = 99")
    with pytest.raises(LpmError, match=r"\[cells\] has none; agents move between HOME, SHOP, PARK"):
        moved("")
    with pytest.raises(LpmError, match="all 100 could be in one"):
        moved("HOME = 100\nSHOP = 99\nPARK = 100")
