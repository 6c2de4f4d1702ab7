"""Servers that compute together know each other by the keys that the manifest pins, not by names alone."""

import contextlib
import socket
from concurrent.futures import ThreadPoolExecutor

import pytest

from aggregator.mpc.config import Endpoint, Identity
from aggregator.mpc.net.tls import Tls, require
from aggregator.on_shares.crypten_backend import parties_of
from aggregator.permutation.roles import Role
from aggregator.permutation.worker import permutation_config
from lpm_secure.testbed.keys import pin_keys
from protocols.errors import NotEnrolled
from protocols.identity.certificates import new_authority
from protocols.identity.server_keys import digest_of
from protocols.task.devices import Devices


@pytest.fixture
def folder_of(tmp_path):
    """Return a function that certifies a name with a fresh key, always under the same authority."""
    authority = new_authority("testbed")

    def made(folder, name):
        shown, place = authority.issue(name), tmp_path / folder
        place.mkdir()
        files = Identity(place / "authority.pem", place / "certificate.pem", place / "private.key")
        files.authority.write_bytes(shown.authority)
        files.certificate.write_bytes(shown.certificate)
        files.private_key.write_bytes(shown.private_key)
        return files

    return made


@contextlib.contextmanager
def seen(accepting, connecting):
    """Give the connecting side's end of a TLS connection between two parties over a socket pair."""
    ours, theirs = socket.socketpair()
    with ThreadPoolExecutor() as pool:
        accepted = pool.submit(Tls(accepting).accepting.wrap_socket, ours, server_side=True)
        with Tls(connecting).connecting.wrap_socket(theirs) as found, accepted.result(10):
            yield found


def test_a_server_of_the_right_name_and_authority_with_another_key_is_not_the_pinned_one(folder_of):
    dealer, stranger = folder_of("dealer", "dealer"), folder_of("stranger", "dealer")
    mine = folder_of("mine", "aggregator-0")
    expected = Endpoint("dealer", "127.0.0.1", 1, digest_of(dealer.certificate.read_bytes()))
    with seen(dealer, mine) as sock:
        require(sock, expected, Tls(mine).key_hash)
    with seen(stranger, mine) as sock, pytest.raises(NotEnrolled, match="not the one that the manifest pins"):
        require(sock, expected, Tls(mine).key_hash)


def test_all_servers_that_compute_or_permute_are_pinned(manifest_of, folder_of):
    manifest = pin_keys(manifest_of([[1], [2]], mode="outcome", edges="permuted", devices=Devices(degree=2)))[0]
    pins = {name: keys.certificate for name, keys in manifest.trust.keys.items()}
    parties, dealer = parties_of(manifest)
    trio = permutation_config(manifest, Role.A, folder_of("mine", "aggregator-0"))
    for servers in ((*parties, dealer), trio.parties):
        assert {each.name: each.key for each in servers} == pins
