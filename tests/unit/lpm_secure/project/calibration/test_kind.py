"""Kits of a calibration have all that its parties need but their keys, and their files are read as they are."""

import re

import msgspec
import pytest

from client_sdk.institution_config import load as load_institution
from client_sdk.institution_config import read_institution, read_series
from lpm_secure.calibration.centre.config import load as load_centre
from lpm_secure.calibration.centre.setting import CentreSetting
from lpm_secure.project.kits import load_kind, write_kits
from protocols.errors import ConfigError, LpmError
from protocols.kit.kit import Kit
from protocols.task import policy as policies
from protocols.task.manifest import require_sum
from protocols.task.signature import trust_of
from tests.three_hospitals import HOSPITALS, unnamed
from tests.three_series import WEEKS, calibration, counts, ready_series


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    return ready_series(tmp_path_factory.mktemp("ministry"))


def kit_of(path, name):
    return Kit.load(path.parent / "kits" / name)


def test_every_party_has_a_kit_without_a_private_key(tmp_path):
    path = calibration(tmp_path)
    folders = write_kits(path, tmp_path / "kits")
    assert [folder.name for folder in folders] == ["agg-a", "agg-b", "engine", "st-mary", "st-john", "st-anne"]
    assert not [file for folder in folders for file in folder.rglob("*.key")]


def test_institutions_and_centre_read_their_kits_as_they_are(made):
    manifest = require_sum(kit_of(made, "engine").manifest())
    centre = load_centre(kit_of(made, "engine").config)
    setting = CentreSetting.read(centre.calibration)
    assert manifest.shape == centre.calibration.shape(2) == (4, 2, WEEKS)
    assert len(setting.periods) == WEEKS
    for name in HOSPITALS:
        given = load_institution(kit_of(made, name).config)
        institution = read_institution(given, kit_of(made, name).folder)
        assert institution.series.periods == 14
        assert (given.places, given.observation) == (("Upper Town", "Lower Town"), centre.calibration.observation)
        known = read_series(given, kit_of(made, name).folder)
        expected = [float(each) if each.isdigit() else None for each in counts(name)]
        assert [value if value == value else None for value in known.exact.tolist()] == expected


def test_the_policy_of_a_kit_allows_its_calibration_and_none_that_asks_for_more(made):
    kit = kit_of(made, "st-mary")
    kit.accept()
    owners, manifest = policies.load_policy(kit.folder / "policy.toml"), require_sum(kit.manifest())
    policies.check(manifest, owners)
    assert owners.policy.outputs == ("sum",)
    with pytest.raises(LpmError, match="min_cohort must be 3 or more"):
        policies.check(msgspec.structs.replace(manifest, min_cohort=2), owners)


def test_an_active_calibration_pins_the_keys_by_which_institutions_and_centre_sign(tmp_path):
    kit = kit_of(ready_series(tmp_path, active=True), "st-anne")
    kit.accept()
    assert set(trust_of(kit.manifest()).identities) == {"engine", *HOSPITALS}


def test_pages_say_what_is_learned_and_name_every_file(made):
    page = (kit_of(made, "st-john").folder / "README.md").read_text()
    for words in (
        "a gradient, clipped to a norm of 500",
        "sum over at least 3 institutions",
        "which no epsilon bounds",
    ):
        assert words in page, words
    assert unnamed(kit_of(made, "engine").folder) == []
    (kit_of(made, "st-mary").folder / "series.parquet").rename(kit_of(made, "st-mary").folder / "series.csv")
    assert unnamed(kit_of(made, "st-mary").folder) == []


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ('"Upper Town" = 0.6', '"Uper Town" = 0.6', r"'Uper Town', which is no place .* did you mean Upper Town\?"),
        ('"Upper Town" = 0.6', '"Upper Town" = 0.0', "sees nothing of any place"),
        ("min_cohort = 3", "min_cohort = 4", "the run has 3 clients: set it lower"),
        ('# security = "active"', 'security = "active"', r"has a table \[dealer\] with security"),
        (
            'operator = "university"',
            'mpc = "a.example:1"\noperator = "university"',
            "which a calibration has no use for",
        ),
        ("spread = 20.0", "spraed = 20.0", "did you mean `spread`"),
        ("[engine]", "[engin]", "did you mean `engine`"),
        ("fit_periods = 14", "fit_periods = 1", "Expected `int` >= 2"),
        ('places = "places.csv"', 'places = "place.csv"', "cannot read .*place.csv"),
        ('name = "st-mary"', 'name = "st-john"', "two parties have the name st-john"),
        ("clip = 500.0", "clip = 1e9\nbits = 40 #", "below 2"),
        ("rate = { median = 0.02, sd = 0.5 }", "", "rate"),
    ],
)
def test_a_mistake_in_a_calibrations_project_is_one_line(tmp_path, old, new, said):
    path = calibration(tmp_path)
    text = path.read_text()
    assert old in text
    text = text.replace(old, new, 1).replace("\nbits = 24\n", "\n") if "bits" in new else text.replace(old, new, 1)
    path.write_text(text)
    with pytest.raises(LpmError, match=said) as caught:
        write_kits(path, tmp_path / "kits")
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "kits").exists()


def test_a_project_is_of_a_calibration_where_it_has_that_table(tmp_path):
    path = calibration(tmp_path)
    assert load_kind(path).project.calibration.fit.draws == 4
    path.write_text(re.sub(r"^\[calibration", "[calibratoin", path.read_text(), flags=re.M))
    with pytest.raises(ConfigError):
        load_kind(path)
