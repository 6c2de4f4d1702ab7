"""What is sealed opens for one aggregator, in one run, once begun by one client; no key or nonce is used twice."""

import dataclasses
import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocols.errors import NotEnrolled, NotSealed, ParameterError
from protocols.identity import certificates
from protocols.identity.sealing_key import SealingKey, public_key
from protocols.sealing.handshake import accept, begin
from protocols.sealing.route import Route
from protocols.sealing.session import SealedSession

RUN, OTHER_RUN = bytes(range(32)), bytes(32)
ROUTE = Route(RUN, "client-0", "aggregator-1")
KEY = SealingKey.generate()
AUTHORITY = certificates.new_authority("a run")
CLIENT = AUTHORITY.issue("client-0")
DAY = datetime.timedelta(days=1)
ROUTES = st.builds(
    Route,
    st.sampled_from([RUN, OTHER_RUN]),
    st.sampled_from(["a", "b", "ab", "client-0"]),
    st.sampled_from(["a", "b", "bc", "aggregator-1"]),
)


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
    content[data.draw(st.integers(0, len(content) - 1))] ^= 1 << data.draw(st.integers(0, 7))
    with pytest.raises((NotSealed, NotEnrolled)):
        opened(dataclasses.replace(opening, **{field: bytes(content)}))


OPENED = begun()


@given(st.binary(max_size=50), st.integers(0, 2**63 - 1))
def test_requests_and_replies_open_on_the_other_side(content, counter):
    client, aggregator = (SealedSession.of(ROUTE, OPENED[0]) for _ in range(2))
    assert aggregator.open_request(client.seal_request(content, counter=counter), counter=counter) == content
    assert client.open_reply(aggregator.seal_reply(content, counter=counter), counter=counter) == content


@given(st.binary(max_size=50), st.integers(0, 2**62), st.data())
def test_any_change_of_what_is_sealed_is_refused(content, counter, data):
    session = SealedSession.of(ROUTE, OPENED[0])
    request, reply = session.seal_request(content, counter=counter), session.seal_reply(content, counter=counter)
    for body, unseal in ((request, session.open_request), (reply, session.open_reply)):
        changed = bytearray(body)
        changed[data.draw(st.integers(0, len(body) - 1))] ^= 1 << data.draw(st.integers(0, 7))
        for bad, number in ((bytes(changed), counter), (body, counter + 1), (body[:-1], counter), (b"", counter)):
            with pytest.raises(NotSealed):
                unseal(bad, counter=number)


def test_a_request_is_no_reply_and_a_reply_no_request():
    session = SealedSession.of(ROUTE, OPENED[0])
    request = session.seal_request(b"content", counter=7)
    with pytest.raises(NotSealed):
        session.open_reply((7).to_bytes(12, "big") + request, counter=7)
    reply = session.seal_reply_with(b"content", counter=7, nonce=(7).to_bytes(12, "big"))
    with pytest.raises(NotSealed):
        session.open_request(reply[12:], counter=7)
    assert reply[12:] != request  # another key


@given(ROUTES, ROUTES, st.sampled_from([b"open", b"request"]), st.sampled_from([b"open", b"request"]))
def test_no_two_routes_or_purposes_have_the_same_header(one, other, for_one, for_other):
    assert (one.header(for_one) == other.header(for_other)) == ((one, for_one) == (other, for_other))


def test_equal_contents_are_sealed_to_different_bytes_in_every_step_run_and_session():
    seen = set()
    for run in (RUN, OTHER_RUN):
        for _ in range(3):
            route = Route(run, "client-0", "aggregator-1")
            secret, _ = begun(route)
            session = SealedSession.of(route, secret)
            for counter in range(50):
                seen.add(session.seal_request(b"the same", counter=counter))
                seen.add(session.seal_reply(b"the same", counter=counter))
    assert len(seen) == 2 * 3 * 50 * 2
    same = SealedSession.of(Route(OTHER_RUN, "client-0", "aggregator-1"), OPENED[0])  # even one secret gives other keys
    assert same.seal_request(b"x", counter=0) != SealedSession.of(ROUTE, OPENED[0]).seal_request(b"x", counter=0)


def test_replies_made_again_to_one_request_do_not_share_a_nonce():
    session = SealedSession.of(ROUTE, OPENED[0])
    nonces = {session.seal_reply(b"x", counter=1)[:12] for _ in range(100)}
    assert len(nonces) == 100


def test_a_session_prints_no_key():
    secret, opening = begun()
    text = repr(SealedSession.of(ROUTE, secret)) + repr(opening)
    assert repr(secret)[2:-1] not in text
    assert "AESGCM" not in text


def test_a_pinned_key_that_is_none_is_refused():
    with pytest.raises(ParameterError, match="pins a sealing key that is none"):
        public_key(b"\xff" * 1216)
