"""The keystream of additive sharing: AES-256 in counter mode, and the shares that it yields."""

import hashlib

import numpy as np
import pytest
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from hypothesis import given
from hypothesis import strategies as st

from protocols.arithmetic.counters import RoundNumber
from protocols.arithmetic.sharing import Additive
from protocols.arithmetic.sharing.additive import BLOCK, keystream, start_of

# Source: NIST SP 800-38A, appendices F.1.5 and F.5.5, key of AES-256.
NIST_KEY = bytes.fromhex("603deb1015ca71be2b73aef0857d77811f352c073b6108d72d9810a30914dff4")
# Source: NIST SP 800-38A, F.5.5, CTR-AES256.Encrypt: initial counter, the four output blocks (the keystream itself).
NIST_COUNTER = bytes.fromhex("f0f1f2f3f4f5f6f7f8f9fafbfcfdfeff")
NIST_STREAM = (
    "0bdf7df1591716335e9a8b15c860c502 5a6e699d536119065433863c8f657b94"
    "1bc12c9c01610d5d0d8bd6a3378eca62 2956e1c8693536b1bee99c73a31576b6"
)
# Source: frozen from this code, as are SHARE and LONG, after the tests against single blocks held.
STREAM = "2751403d569b53f53b2b383e436b1da4a631af7f5e937143"
SHARE = "a8d4e2b89c506ba442ed1bc880b8c748ee676e451f4a0ebdb7c9f6bc4d94193a664d0a334ca95676"
LONG = "0d431eebc583f625e4186be3157e5b555f8983ecc2fdd97b60d2b01f9a7fbda6"


def stream(key, *, step, d):
    out = np.zeros(d, dtype=np.uint64)
    keystream(key, nonce=step, out=out)
    return out.astype("<u8").tobytes()


def expanded(key, *, step, d):
    """Return the share that an aggregator expands from a key."""
    out = np.zeros(d, dtype=np.uint64)
    Additive(2).expand(key, round_number=RoundNumber(step), out=out)
    return out.astype("<u8").tobytes()


def by_single_blocks(key, *, step, d):
    """Return the same from AES on one block after the other, without any mode of operation."""
    encryptor = Cipher(algorithms.AES(key), modes.ECB()).encryptor()
    blocks = ((step << 64) + index for index in range(-(-8 * d // 16)))
    return b"".join(encryptor.update(block.to_bytes(16, "big")) for block in blocks)[: 8 * d]


def test_the_cipher_below_is_the_standards():
    encryptor = Cipher(algorithms.AES(NIST_KEY), modes.CTR(NIST_COUNTER)).encryptor()
    assert encryptor.update(bytes(64)).hex() == NIST_STREAM.replace(" ", "")


@pytest.mark.parametrize("d", [0, 1, 2, 3, 1000, BLOCK - 1, BLOCK, BLOCK + 1, 2 * BLOCK + 7])
def test_the_stream_is_that_of_single_blocks_counted_up_from_the_step(d):
    assert stream(NIST_KEY, step=3, d=d) == by_single_blocks(NIST_KEY, step=3, d=d)


def test_a_start_is_recognised_by_a_block_of_each_of_its_keys_that_no_round_has():
    blocks = [np.frombuffer(by_single_blocks(key, step=2**64 - 1, d=2), "<u8") for key in (NIST_KEY, bytes(32))]
    assert start_of((NIST_KEY, bytes(32))) == (blocks[0] + blocks[1]).tobytes()
    assert start_of((NIST_KEY,)) == blocks[0].tobytes()


@given(st.binary(min_size=32, max_size=32), st.integers(0, 2**64 - 1), st.integers(0, 9))
def test_the_stream_is_that_of_single_blocks_for_every_key_and_step(key, step, d):
    assert stream(key, step=step, d=d) == by_single_blocks(key, step=step, d=d)


def test_the_stream_is_frozen():
    """Key 00 01 .. 1f, step 5."""
    assert stream(bytes(range(32)), step=5, d=3).hex() == STREAM


def test_a_sharing_is_frozen():
    """Keys 00.. and 11.., step 2, the vector 0 1 .. 4 plus 2**63; and key 00.., step 1, the vector 0 1 .. 99999."""
    x = np.arange(5, dtype=np.uint64) + np.uint64(2**63)
    share = Additive(3).split(x, (bytes(32), b"\x11" * 32), round_number=2)
    masks = [stream(key, step=2, d=5) for key in (bytes(32), b"\x11" * 32)]
    assert [expanded(key, step=2, d=5) for key in (bytes(32), b"\x11" * 32)] == masks
    joined = share + sum(np.frombuffer(mask, dtype="<u8") for mask in masks)
    assert joined.tolist() == x.tolist()
    assert share.astype("<u8").tobytes().hex() == SHARE
    digest = hashlib.sha256(
        Additive(2).split(np.arange(100_000, dtype=np.uint64), (bytes(32),), round_number=1).tobytes()
    )
    assert digest.hexdigest() == LONG
