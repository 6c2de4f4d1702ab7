"""What is sealed, byte for byte: another version of this package must open it.

Source: headers written by hand (two bytes of length before each part); keys and ciphertexts made by
`openssl`-independent means: HKDF-SHA256 (RFC 5869) and AES-256-GCM over them with the standard library's hmac and this
project's own first version, frozen.
"""

import hashlib
import hmac

from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from protocols.sealing.keys import SealingKey
from protocols.sealing.route import Route
from protocols.sealing.session import Session

ROUTE = Route(bytes(range(32)), "client-0", "aggregator-1")
HEADER = (
    "000a" + b"lpm-seal 1".hex() + "{purpose}" + "0020" + bytes(range(32)).hex()
    + "0008" + b"client-0".hex() + "000c" + b"aggregator-1".hex()
)  # fmt: skip
SECRET = bytes(range(100, 132))


def header(purpose):
    return bytes.fromhex(HEADER.format(purpose=len(purpose).to_bytes(2, "big").hex() + purpose.hex()))


def derived(info):
    """Return HKDF-SHA256 of the secret, 32 bytes, written out from RFC 5869."""
    extracted = hmac.new(bytes(32), SECRET, hashlib.sha256).digest()
    return hmac.new(extracted, info + b"\x01", hashlib.sha256).digest()


def test_the_header_is_written_as_ever():
    assert ROUTE.header(b"open") == header(b"open")


def test_a_request_is_sealed_as_ever():
    sealed = Session.of(ROUTE, SECRET).seal_request(b"words", counter=258)
    by_hand = AESGCM(derived(header(b"key request"))).encrypt(
        bytes(10) + b"\x01\x02", b"words", header(b"request") + bytes(6) + b"\x01\x02"
    )
    assert sealed == by_hand
    assert sealed.hex() == "2b7104601705f83e1876aca5c77ebaf24209e224d7"


def test_a_reply_is_sealed_as_ever():
    nonce = bytes(range(12))
    sealed = Session.of(ROUTE, SECRET).seal_reply_with(b"words", counter=258, nonce=nonce)
    by_hand = AESGCM(derived(header(b"key reply"))).encrypt(nonce, b"words", header(b"reply") + bytes(6) + b"\x01\x02")
    assert sealed == nonce + by_hand
    assert sealed.hex() == "000102030405060708090a0bb9265fe4fb46b6aea7e5c685716ac48e42897a24d2"


def test_a_sealing_key_is_derived_as_ever():
    public = SealingKey.of(bytes(range(96))).public
    assert len(public) == 1216
    assert hashlib.sha256(public).hexdigest() == "d99e4496af749b54ee4a2d270c8057450624ecc5dc0866295ffc504a26134ad4"
