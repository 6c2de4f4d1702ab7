"""Kits of three hospitals, made once; tests change copies."""

import shutil

import pytest

from protocols.identity import certificates
from protocols.kit import doctor
from protocols.kit.kit import Kit
from tests.three_hospitals import ready


@pytest.fixture(scope="package")
def made(tmp_path_factory):
    return ready(tmp_path_factory.mktemp("ministry")).parent


@pytest.fixture
def kit(made, tmp_path):
    """Return a function that gives a copy of a party's kit."""

    def _kit(name):
        shutil.copytree(made / "kits" / name, tmp_path / name)
        (tmp_path / name).chmod(0o700)
        found = Kit.load(tmp_path / name)
        found.accept()
        return found

    return _kit


@pytest.fixture
def agg(kit, made):
    """Return a hospital's kit, the address that its first aggregator has, and the run's authority."""
    own = kit("st-anne")
    (address, other) = doctor.addresses_of(own.manifest().aggregators, own).values()
    return own, address, other, certificates.read_authority(made / "operator")
