"""Tables of one's own are looked over from a program as by commands."""

import pytest

import lpm_secure as lpm
from lpm_secure.data import catalogue, workplace
from protocols.errors import ParameterError
from tests.few_hospitals import FEW
from tests.unit.lpm_secure.scenario.conftest import CONTACTS, PEOPLE, Rumour


def test_people_in_a_program_are_looked_over_as_files_are(tmp_path):
    found = lpm.check_people(PEOPLE, CONTACTS, model=Rumour)
    assert found.figures["tables"]["people"] == "30 (p0 to p29)"
    assert found.plot() is not None
    assert {path.stat().st_mode & 0o777 for path in found.save(tmp_path / "look").iterdir()} == {0o600}
    with pytest.raises(ParameterError, match="there is no such file"):
        lpm.check_people(tmp_path / "gone.csv", model="seir")


def test_series_of_institutions_are_looked_over(tmp_path):
    (tmp_path / "few.toml").write_text(FEW)
    found = lpm.check_series(tmp_path / "few.toml")
    assert found.to_arrow().num_rows == len(found.figures["institutions"]) == 6
    assert found.summary.private
    with pytest.raises(ParameterError, match="cannot read"):
        lpm.check_series(tmp_path / "gone.toml")


@pytest.mark.skipif(catalogue.where(workplace.NAME) is None, reason=f"{workplace.NAME} is not on this machine")
def test_a_data_set_that_is_here_is_not_fetched():
    assert lpm.get_dataset(workplace.NAME) == catalogue.where(workplace.NAME)


def test_data_sets_have_their_licence_and_a_wrong_name_is_one_line():
    assert lpm.datasets()["nyc_mobility"].licence
    with pytest.raises(ParameterError, match="did you mean nyc_covid"):
        lpm.get_dataset("nyc_covit")
