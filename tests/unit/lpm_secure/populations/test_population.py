"""A population on disk: small columns, mapped read-only, and every change of them found."""

import numpy as np
import pytest

from lpm_secure.populations import Population
from lpm_secure.populations.population import smallest
from protocols.errors import DataError, ParameterError


def files_of(path):
    return {file.name: file.read_bytes() for file in path.iterdir()}


def test_columns_are_mapped_read_only_and_small(city):
    age = city.column("age")
    assert age.dtype == np.uint8
    assert not age.flags.writeable
    assert isinstance(age.base, np.memmap)
    assert city.column("zcta").dtype == np.uint8
    assert city.column("household").dtype == np.int16
    with pytest.raises(ParameterError, match="has no column sex; there are age, borough"):
        city.column("sex")


@pytest.mark.parametrize(
    ("values", "kind"),
    [([0, 255], np.uint8), ([0, 256], np.uint16), ([-1, 127], np.int8), ([-1, 40_000], np.int32), ([], np.uint8)],
)
def test_a_column_has_the_smallest_type_that_holds_it(values, kind):
    assert smallest(np.array(values, dtype=np.int64)).dtype == kind


@pytest.fixture
def copied(city, tmp_path):
    """Return a copy of the city that a test may damage."""
    path = tmp_path / "copy"
    path.mkdir()
    for name, content in files_of(city.path).items():
        (path / name).write_bytes(content)
    return path


def test_a_copy_opens(copied, city):
    assert Population.open(copied).card == city.card


@pytest.mark.parametrize("at", [0, 140, -1])
def test_a_changed_byte_in_a_column_is_found(copied, at):
    content = bytearray((copied / "age.npy").read_bytes())
    content[at] ^= 1
    (copied / "age.npy").write_bytes(content)
    with pytest.raises(DataError, match=r"age\.npy was changed"):
        Population.open(copied)


def test_a_column_that_was_cut_is_found(copied):
    content = (copied / "tract.npy").read_bytes()
    (copied / "tract.npy").write_bytes(content[: len(content) // 2])
    with pytest.raises(DataError, match=r"tract\.npy was changed|cannot read .*tract\.npy"):
        Population.open(copied)


def test_a_column_that_is_missing_is_found(copied):
    (copied / "school.npy").unlink()
    with pytest.raises(DataError, match=r"cannot read .*school\.npy"):
        Population.open(copied)


def test_a_changed_card_is_found(copied):
    card = copied / "card.json"
    card.write_text(card.read_text().replace('"seed": 3', '"seed": 4'))
    with pytest.raises(DataError, match=r"card\.json was changed"):
        Population.open(copied)


def test_what_is_no_population_is_refused(tmp_path):
    with pytest.raises(DataError, match="is no population"):
        Population.open(tmp_path)
    (tmp_path / "card.json").write_text("{}")
    with pytest.raises(DataError, match="is no card of a population"):
        Population.open(tmp_path)
