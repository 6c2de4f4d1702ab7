"""What a manifest pins: the keys of all parties that sign, and of the dealer's sealing where clients seal to it."""

import msgspec
import pytest

from lpm_secure.testbed.keys import pin_keys
from protocols.errors import ParameterError
from protocols.identity import signing


@pytest.fixture(scope="module")
def active(manifest_of):
    return pin_keys(manifest_of(mode="outcome", security="active", engine=True))[0]


@pytest.fixture(scope="module")
def honest(manifest_of):
    return pin_keys(manifest_of(mode="outcome", engine=True))[0]


def test_an_active_run_pins_the_keys_of_clients_engine_and_of_what_is_sealed_to_the_dealer(active, honest):
    assert set(active.trust.identities) == {"client-0", "client-1", "client-2", "engine"}
    assert active.trust.keys["dealer"].sealing is not None
    assert honest.trust.identities == {}
    assert honest.trust.keys["dealer"].sealing is None


def changed(manifest, trust, change):
    """Return the manifest with other keys."""
    identities, keys = dict(trust.identities), dict(trust.keys)
    if change == "missing":
        del identities["client-1"]
    elif change == "stranger":
        identities["client-7"] = signing.public_of(signing.new_key())
    elif change == "server's":
        identities["client-1"] = keys["aggregator-0"].identity
    elif change == "no sealing":
        keys["dealer"] = msgspec.structs.replace(keys["dealer"], sealing=None)
    return msgspec.structs.replace(manifest, trust=msgspec.structs.replace(trust, identities=identities, keys=keys))


@pytest.mark.parametrize("change", ["missing", "stranger", "server's", "no sealing"])
def test_other_keys_than_an_active_run_needs_are_refused(active, change):
    with pytest.raises(ParameterError, match=r"identit|sealing key"):
        changed(active, active.trust, change)


def test_keys_of_clients_are_none_of_a_semi_honest_run(active, honest):
    with pytest.raises(ParameterError, match=r"identit|sealing key"):
        changed(honest, active.trust, "nothing")
