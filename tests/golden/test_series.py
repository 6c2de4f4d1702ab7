"""The series of whole runs, private and clear, whatever is moved or renamed.

Source: frozen from this code, after private == clear held for drawn runs (tests/conformance). A hash is that of the
counts as little-endian words, day by day.
"""

from pathlib import Path

import pytest

HERE = Path(__file__).parent
EXAMPLES = HERE.parents[1] / "examples"
CITY_DATA = ("nyc_population", "contact_matrices_ny_mistry", "nyc_commute_acs2015")
WORKPLACE = "3bc812e800178858302e2faa7e02cbf60e0b30a0b8efa1aa090a03a2cd752b8f"
CITY = "e5162496d0fdfdef19033160a832b6c56a30f2914b8411299331a617cf75af9f"
SMALL_CITY = "4bee0604e83900465e93accda3eaca069f30578057275ea603b43d21cdf031a0"
EARLY_CITY = "2833f540f36eb54491d9a5f98c925712210a3d5b80a1ee6f0013acabcb9ae499"  # of the hand-written engine
SERIES = {
    "outcome": "12fd453893166678e03988c47ece09372042b87cae98c65a8e4cf18879370954",
    "sum": "37d244a518f800e80d0c0b00ae5d02fc99ffa18fa285d3b015bea59974714564",
    "three": "bc8cc02078a1cedf0b6ce71d76323bd8f1684c062ee1640a51adfbfe3f3a3d4f",
    "permuted": "18c7dc6c1bbbf10c7fd101915c564b78d06002066a89dec3046ceff80d0d7126",
    "waning": "3b46daf12fd13a2aca636ae7c74adeedc16642ddddea7327f01dada9156ae967",
    "doses": "5bc2bb84b2e4c03796c7fa2ef017ad2ecc74568c2755bbdefdc0eaf3e8e5115c",
    "suppressed": "ba6992110935db4c4580c061f94b649a567a8ebeaebe1acbc8877a33245e563e",
}


@pytest.mark.parametrize("name", SERIES)
def test_a_private_run_yields_the_series_as_ever(name, testbed_of, run_private):
    assert run_private(testbed_of(HERE / "configurations" / f"{name}.toml")).series.hash == SERIES[name]


@pytest.mark.parametrize("name", SERIES)
def test_a_clear_run_yields_the_series_as_ever(name, hash_of):
    assert hash_of("series:", "run", HERE / "configurations" / f"{name}.toml", "--clear") == SERIES[name]


def test_the_workplace_yields_its_series_as_ever(hash_of, require_data):
    require_data("workplace_invs15", *CITY_DATA)
    assert hash_of("series:", "run", EXAMPLES / "workplace.toml", "--clear") == WORKPLACE


SMALL = (
    ('kind = "nyc"', 'kind = "look_alike"'),
    ("agents = 100_000", "agents = 2_000"),
    ("initial = 0.0005", "initial = 0.01"),
    ("quarters = 0.10\n", ""),
)
EARLY = (  # all interventions from the first weeks on, and a severe disease
    ("first = 45", "first = 10"),
    ("first = 50", "first = 12"),
    ("first = 30", "first = 5"),
    ("first = 60", "first = 8"),
    ("first = [160, 150, 130, 110, 100]", "first = [20, 16, 12, 8, 4]"),
    ("household = 0.15", "household = 0.4"),
    ("community = 0.10", "community = 0.25"),
    ("hospital = [0.002, 0.01, 0.04, 0.10, 0.20]", "hospital = [0.1, 0.2, 0.3, 0.4, 0.5]"),
    ("death = [0.00002, 0.0003, 0.005, 0.02, 0.08]", "death = [0.01, 0.02, 0.1, 0.2, 0.3]"),
)


@pytest.mark.parametrize(("lines", "series"), [(SMALL, SMALL_CITY), (SMALL + EARLY, EARLY_CITY)])
def test_a_small_city_yields_its_series_as_ever(lines, series, hash_of, tmp_path, monkeypatch):
    """The example with all its interventions, in a generated population."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    text = (EXAMPLES / "city.toml").read_text()
    for old, new in lines:
        assert old in text
        text = text.replace(old, new)
    (tmp_path / "small.toml").write_text(text)
    assert hash_of("series ", "run", tmp_path / "small.toml") == series


@pytest.mark.slow
def test_the_city_yields_its_series_as_ever(hash_of, require_data):
    require_data(*CITY_DATA)
    assert hash_of("series ", "run", EXAMPLES / "city.toml") == CITY
