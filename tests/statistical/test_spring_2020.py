"""Spring 2020 in New York City, by parameters of the literature: admissions within a factor of two."""

import msgspec
import pytest

from lpm_secure.analysis.outbreak import check
from lpm_secure.cli.people.tables import card_tables
from lpm_secure.data import catalogue
from lpm_secure.populations.epidemic import spring2020
from lpm_secure.populations.outbreak import OutbreakComparison, week_means
from lpm_secure.populations.show import page_of
from lpm_secure.populations.synthesis import nyc
from lpm_secure.populations.synthesis.look_alike import build as look_alike
from lpm_secure.report import page as pages
from protocols.errors import DataError, ParameterError

NEEDED = ("nyc_population", "contact_matrices_ny_mistry", "nyc_commute_acs2015", "nyc_covid", "nyc_mobility")
missing = [name for name in NEEDED if catalogue.where(name) is None]
here = pytest.mark.skipif(bool(missing), reason=f"not on this machine: {', '.join(missing)}; lpm data get")


@pytest.fixture(scope="module")
def city(tmp_path_factory):
    return nyc.build(tmp_path_factory.mktemp("city") / "nyc.lpmpop", agents=200_000, seed=1)


@here
def test_hospital_admissions_of_spring_2020_are_within_a_factor_of_two(city, tmp_path):
    record = check(city)
    print(f"total {record.total:.2f}, peak {record.peak:.2f}", record.told)
    assert len(record.dates) == len(record.data) == 122
    assert sum(record.data) == 51_883
    assert 0.5 <= record.total <= 2.0
    assert 0.5 <= record.peak <= 2.0
    assert record.held
    record.write(city.path)
    assert OutbreakComparison.read(city.path, city.card) == record
    assert record.title in [table.title for table in card_tables(city.card, record)]
    pages.write(tmp_path / "page.html", page_of(city.card, record))
    page = (tmp_path / "page.html").read_text()
    assert "total, model over data" in page
    assert "Verity" in page
    other = msgspec.structs.replace(city.card, sha256="0" * 64)
    with pytest.raises(DataError, match="of another population"):
        OutbreakComparison.read(city.path, other)


@here
def test_without_the_measures_of_march_admissions_are_far_beyond(city, monkeypatch):
    """The check can fail: the measures are what holds the epidemic."""
    monkeypatch.setattr(spring2020, "_measures", list)
    assert not check(city).held


@here
def test_the_hazard_per_contact_yields_the_r0_of_the_literature(city):
    """Secondary infections of one agent of the dominant age mix: R0, by the matrix of contacts by age."""
    import numpy as np

    contacts = spring2020.contacts_by_age(city)
    beta = spring2020.disease(city, 8.4e6).beta
    per_contact = beta["community"]
    mix = np.ones(len(contacts))
    for _ in range(200):
        mix = contacts @ mix
        growth, mix = mix.max(), mix / mix.max()
    assert growth * per_contact * 6.0 == pytest.approx(spring2020.R0, rel=0.02)
    assert beta["school"] / per_contact == pytest.approx(11.41)


@here
def test_another_population_is_refused(tmp_path):
    with pytest.raises(ParameterError, match="is not New York City"):
        check(look_alike(tmp_path / "a", agents=600))


def test_a_record_tells_ratios_of_totals_and_weeks():
    record = OutbreakComparison(
        title="t",
        population="p",
        dates=[],
        model=[2.0] * 7 + [30.0] + [2.0] * 7,
        data=[4.0] * 15,
        told={},
        notes=[],
    )
    assert record.total == pytest.approx(58 / 60)
    assert record.peak == pytest.approx(6 / 4)
    assert record.held
    assert not msgspec.structs.replace(record, data=[1.0] * 15).held
    assert week_means([3.0]) == [3.0]
