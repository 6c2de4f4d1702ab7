"""What is sealed, byte for byte: another version of this package must open it.

Source: headers written by hand (two bytes of length before each part); keys and ciphertexts made by
`openssl`-independent means: HKDF-SHA256 (RFC 5869) and AES-256-GCM over them with the standard library's hmac and this
project's own first version, frozen. `opening.json` holds what a client sent once to begin a session (HPKE, RFC 9180,
over ML-KEM-768 and X25519; ECDSA on P-256), which nobody can make again: it must open.
"""

import base64
import datetime
import hashlib
import hmac
import json
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from protocols.errors import NotSealed
from protocols.identity.sealing_key import SealingKey
from protocols.sealing.handshake import accept
from protocols.sealing.messages import Handshake
from protocols.sealing.route import Route
from protocols.sealing.session import SealedSession

ROUTE = Route(bytes(range(32)), "client-0", "aggregator-1")
HEADER = (
    "000a" + b"lpm-seal 1".hex() + "{purpose}" + "0020" + bytes(range(32)).hex()
    + "0008" + b"client-0".hex() + "000c" + b"aggregator-1".hex()
)  # fmt: skip
SECRET = bytes(range(100, 132))
KEY = bytes(range(96))
OPENING = json.loads((Path(__file__).parent / "opening.json").read_text())


def header(purpose):
    return bytes.fromhex(HEADER.format(purpose=len(purpose).to_bytes(2, "big").hex() + purpose.hex()))


def derived(info):
    """Return HKDF-SHA256 of the secret, 32 bytes, written out from RFC 5869."""
    extracted = hmac.new(bytes(32), SECRET, hashlib.sha256).digest()
    return hmac.new(extracted, info + b"\x01", hashlib.sha256).digest()


def test_the_header_is_written_as_ever():
    assert ROUTE.header(b"open") == header(b"open")


def test_a_request_is_sealed_as_ever():
    sealed = SealedSession.of(ROUTE, SECRET).seal_request(b"words", counter=258)
    by_hand = AESGCM(derived(header(b"key request"))).encrypt(
        bytes(10) + b"\x01\x02", b"words", header(b"request") + bytes(6) + b"\x01\x02"
    )
    assert sealed == by_hand
    assert sealed.hex() == "2b7104601705f83e1876aca5c77ebaf24209e224d7"


def test_a_reply_is_sealed_as_ever():
    nonce = bytes(range(12))
    sealed = SealedSession.of(ROUTE, SECRET).seal_reply_with(b"words", counter=258, nonce=nonce)
    by_hand = AESGCM(derived(header(b"key reply"))).encrypt(nonce, b"words", header(b"reply") + bytes(6) + b"\x01\x02")
    assert sealed == nonce + by_hand
    assert sealed.hex() == "000102030405060708090a0bb9265fe4fb46b6aea7e5c685716ac48e42897a24d2"


def test_a_sealing_key_is_derived_as_ever():
    public = SealingKey.of(KEY).public
    assert len(public) == 1216
    assert hashlib.sha256(public).hexdigest() == "d99e4496af749b54ee4a2d270c8057450624ecc5dc0866295ffc504a26134ad4"


def opened(route):
    opening = Handshake(*(base64.b64decode(OPENING[part]) for part in ("sealed", "certificate", "signature")))
    authority = x509.load_pem_x509_certificate(OPENING["authority"].encode())
    now = datetime.datetime.fromisoformat(OPENING["now"])
    return accept(route, opening, key=SealingKey.of(KEY), authorities=[authority], now=now)


def test_what_a_client_once_sent_to_begin_a_session_opens_as_ever():
    assert opened(ROUTE) == SECRET


def test_and_opens_on_its_own_route_alone():
    with pytest.raises(NotSealed):
        opened(Route(bytes(32), ROUTE.client, ROUTE.aggregator))
