"""What is sealed opens for one aggregator, in one run, once begun by one client; no key or nonce is used twice."""

import dataclasses
import datetime

import pytest
from cryptography import x509
from hypothesis import assume, given
from hypothesis import strategies as st

from protocols.errors import NotEnrolled, NotSealed
from protocols.identity import certificates
from protocols.identity.sealing_key import SealingKey, public_key
from protocols.sealing.handshake import accept, begin
from protocols.sealing.route import Route

RUN, OTHER_RUN = bytes(range(32)), bytes(32)
ROUTE = Route(RUN, "client-0", "aggregator-1")
KEY = SealingKey.generate()
AUTHORITY = certificates.new_authority("a run")
CLIENT = AUTHORITY.issue("client-0")
DAY = datetime.timedelta(days=1)


def opened(opening, route=ROUTE, *, key=KEY, authority=AUTHORITY, **more):
    return accept(route, opening, key=key, authorities=[authority.certificate], **more)


def begun(route=ROUTE, credentials=CLIENT):
    return begin(route, public_key(KEY.public), credentials)


def test_the_secret_arrives_and_is_another_one_every_time():
    secrets = []
    for _ in range(20):
        secret, opening = begun()
        assert opened(opening) == secret
        assert secret not in opening.sealed
        secrets.append(secret)
    assert len({len(secret) for secret in secrets}) == 1
    assert len(set(secrets)) == 20


@pytest.mark.parametrize(
    "route",
    [Route(OTHER_RUN, "client-0", "aggregator-1"), Route(RUN, "client-0", "aggregator-0")],
    ids=["run", "aggregator"],
)
def test_what_is_sealed_for_another_run_or_aggregator_does_not_open(route):
    """A party on another manifest cannot take part, by construction: its hash is in everything that is sealed."""
    _, opening = begun()
    with pytest.raises(NotSealed, match="not signed by it"):
        opened(opening, route)
    _, resigned = begun(route)  # even signed for the right one, the secret is bound to its own
    mixed = dataclasses.replace(resigned, sealed=opening.sealed)
    with pytest.raises(NotSealed):
        opened(mixed, route)


def test_the_sealed_secret_itself_is_bound_to_the_run_and_the_pinned_key():
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    from protocols.sealing.handshake import _statement

    _, opening = begun()
    private = serialization.load_pem_private_key(CLIENT.private_key, None)
    for route in (Route(OTHER_RUN, "client-0", "aggregator-1"), Route(RUN, "client-0", "aggregator-0")):
        signature = private.sign(_statement(route, opening.sealed), ec.ECDSA(hashes.SHA256()))
        with pytest.raises(NotSealed, match="for another run or aggregator"):
            opened(dataclasses.replace(opening, signature=signature), route)
    with pytest.raises(NotSealed, match="for another run or aggregator"):
        opened(opening, key=SealingKey.generate())


def test_an_aggregator_that_relays_cannot_pass_for_a_client():
    """It has a certificate of the same authority, but not the client's key."""
    relay = AUTHORITY.issue("aggregator-0")
    _, own = begin(ROUTE, public_key(KEY.public), relay)
    with pytest.raises(NotEnrolled, match="another name"):
        opened(own)
    _, opening = begun()
    for mixed in (
        dataclasses.replace(own, certificate=opening.certificate),
        dataclasses.replace(opening, sealed=own.sealed),
        dataclasses.replace(opening, signature=own.signature),
    ):
        with pytest.raises(NotSealed, match="not signed by it"):
            opened(mixed)


def test_a_certificate_of_another_authority_or_out_of_time_begins_nothing():
    stranger = certificates.new_authority("a run")  # the same name, another key
    _, opening = begun(credentials=stranger.issue("client-0"))
    with pytest.raises(NotEnrolled, match="not of the run's authority"):
        opened(opening)
    _, opening = begun()
    for days in (-1, 100):
        with pytest.raises(NotEnrolled, match="not valid now"):
            opened(opening, now=datetime.datetime.now(datetime.UTC) + days * DAY)
    with pytest.raises(NotEnrolled, match="cannot be read"):
        opened(dataclasses.replace(opening, certificate=b"\x30\x00"))


@given(st.data())
def test_any_change_of_an_opening_is_refused(data):
    _, opening = OPENED
    field = data.draw(st.sampled_from(["sealed", "certificate", "signature"]))
    content = bytearray(getattr(opening, field))
    place = data.draw(st.integers(0, len(content) - 1))
    content[place] ^= 1 << data.draw(st.integers(0, 7))
    assume(field != "certificate" or place != len(content) - len(SIGNED.signature) - 1)  # how many last bits count
    with pytest.raises((NotSealed, NotEnrolled)):
        opened(dataclasses.replace(opening, **{field: bytes(content)}))


OPENED = begun()
SIGNED = x509.load_der_x509_certificate(OPENED[1].certificate)
