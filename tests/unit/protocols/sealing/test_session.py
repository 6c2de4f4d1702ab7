"""What is sealed in a session opens on the other side alone; no key or nonce is used twice."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocols.errors import NotSealed
from protocols.identity import certificates
from protocols.identity.sealing_key import SealingKey, public_key
from protocols.sealing.handshake import begin
from protocols.sealing.route import Route
from protocols.sealing.session import SealedSession

RUN, OTHER_RUN = bytes(range(32)), bytes(32)
ROUTE = Route(RUN, "client-0", "aggregator-1")
KEY = SealingKey.generate()
AUTHORITY = certificates.new_authority("a run")
CLIENT = AUTHORITY.issue("client-0")


def begun(route=ROUTE, credentials=CLIENT):
    return begin(route, public_key(KEY.public), credentials)


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
