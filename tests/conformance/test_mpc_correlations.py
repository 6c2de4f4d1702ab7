"""Correlated randomness against plain integers, the forms on the wire, and the keystream against its standard."""

import asyncio
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from aggregator.mpc import MpcWorker, Task
from aggregator.mpc.circuits.bit_planes import bits_of, from_planes, to_planes
from aggregator.mpc.gf128 import multiply
from aggregator.mpc.keystream import Keystream, subkey
from aggregator.mpc.net.frames import HELLO_BYTES, STAMP_BYTES, Hello, Stamp, decode_request, encode_request
from aggregator.mpc.randomness.correlations import (
    MAX_N,
    AndTriple,
    Blinding,
    Comparison,
    Correlation,
    PlaneReader,
    SharedBit,
    Triple,
    decode,
)
from protocols.errors import ParameterError, PartiesDisagree, WireError
from tests.integration.mpc_parties import joined, parties, split
from tests.mpc_tasks import bit_comparison, comparison, product

KEYS = [bytes([rank]) * 32 for rank in range(5)]
KINDS: list[Any] = [Triple, AndTriple, SharedBit, Blinding, Comparison]


def dealt(kind: Correlation, k: int, index: int = 3) -> list[tuple[Any, Any]]:
    """Return every party's words of a batch."""
    correction = kind.deal(KEYS[:k], index)
    return [kind.expand(KEYS[rank], index, correction if rank == k - 1 else None) for rank in range(k)]


@pytest.mark.parametrize("k", [2, 3, 5])
def test_dealt_triples_are_products(k: int) -> None:
    words = dealt(Triple(100), k)
    a, b = joined([free for free, _ in words]).reshape(2, 100)
    assert (joined([product for _, product in words]) == a * b).all()
    words = dealt(AndTriple(100), k)
    a, b = np.bitwise_xor.reduce([free for free, _ in words]).reshape(2, 100)
    assert (np.bitwise_xor.reduce([product for _, product in words]) == a & b).all()


@pytest.mark.parametrize("k", [2, 3, 5])
def test_dealt_blindings_are_products_in_the_field(k: int) -> None:
    words = dealt(Blinding(3), k)
    a, b = np.bitwise_xor.reduce([free for free, _ in words]).reshape(2, 3, 2)
    c = np.bitwise_xor.reduce([product for _, product in words]).reshape(3, 2)
    assert [multiply(*pair).tolist() for pair in zip(a, b, strict=True)] == c.tolist()


@pytest.mark.parametrize("k", [2, 3, 5])
def test_dealt_bits_are_the_same_in_both_sharings(k: int) -> None:
    words = dealt(SharedBit(100), k)
    bits = np.bitwise_xor.reduce([free for free, _ in words]) & np.uint64(1)
    assert (joined([product for _, product in words]) == bits).all()
    assert 20 < bits.sum() < 80


@given(n=st.integers(1, 300), bits=st.integers(1, 62), k=st.integers(2, 5))
def test_the_mask_of_a_comparison_is_the_same_in_both_sharings(n: int, bits: int, k: int) -> None:
    kind = Comparison(n, bits, additive=True)
    words = dealt(kind, k)
    r = np.bitwise_xor.reduce([PlaneReader(free, kind.m).take(bits + 1) for free, _ in words])
    at = kind.product_planes * kind.m
    assert (joined([product[at : at + n] for _, product in words]) == from_planes(r, n)).all()
    last = np.bitwise_xor.reduce([free for free, _ in words])[-kind.m :]
    assert (joined([product[at + n :] for _, product in words]).view(np.int64) == bits_of(last, n)).all()


@given(st.lists(st.integers(0, 2**64 - 1), min_size=1, max_size=300))
def test_planes_hold_the_bits_and_give_the_numbers_back(numbers: list[int]) -> None:
    words = np.array(numbers, np.uint64)
    planes = to_planes(words)
    assert [bits_of(planes[63 - i], len(words)).tolist() for i in (0, 63)] == [
        [number >> 63 for number in numbers],
        [number & 1 for number in numbers],
    ]
    assert from_planes(planes, len(words)).tolist() == numbers


@given(kind=st.sampled_from(KINDS), n=st.integers(1, MAX_N), bits=st.integers(1, 62), additive=st.booleans())
def test_a_correlation_is_read_as_it_was_written(kind: Any, n: int, bits: int, additive: bool) -> None:
    one = kind(n, bits, additive) if kind is Comparison else kind(n)
    assert decode(one.encode()) == one


@given(st.binary(min_size=16, max_size=16))
def test_bytes_that_name_no_correlation_are_refused(data: bytes) -> None:
    try:
        kind = decode(data)
    except WireError:
        return
    assert kind.encode() == data


@pytest.mark.parametrize(("n", "bits"), [(0, 63), (MAX_N + 1, 63), (1, 0), (1, 64)])
def test_sizes_out_of_bounds_are_refused(n: int, bits: int) -> None:
    with pytest.raises(ParameterError):
        Comparison(n, bits)


def test_frames_are_read_as_written_and_foreign_bytes_refused() -> None:
    hello = Hello(1, 3, bytes(32), b"n" * 32)
    assert Hello.decode(hello.encode()) == hello
    assert decode_request(encode_request(7, bytes(16))) == (7, bytes(16))
    for read, length in ((Hello.decode, HELLO_BYTES), (decode_request, 32)):
        with pytest.raises(WireError):
            read(b"GET / HTTP/1.1\r\n".ljust(length, b"x"))
    stamp = Stamp(bytes(32), 1, 2, 3, 4, 5)
    stamp.require(stamp.encode(), "b")
    for other in (Stamp(b"x" * 32, 1, 2, 3, 4, 5), Stamp(bytes(32), 1, 2, 3, 4, 6), Stamp(bytes(32), 1, 2, 9, 4, 5)):
        with pytest.raises(PartiesDisagree, match="nothing was opened"):
            stamp.require(other.encode(), "b")
    with pytest.raises(WireError):
        stamp.require(bytes(STAMP_BYTES), "b")


def test_the_keystream_is_aes_256_in_counter_mode() -> None:
    """Source: NIST SP 800-38A (2001), section 6.5: block i of the stream is AES(key, i), the counter big-endian."""
    from cryptography.hazmat.primitives.ciphers import Cipher
    from cryptography.hazmat.primitives.ciphers.algorithms import AES256
    from cryptography.hazmat.primitives.ciphers.modes import ECB

    key = bytes(range(32))
    block = Cipher(AES256(key), ECB()).encryptor()
    counters = b"".join(count.to_bytes(16, "big") for count in range(200_000))
    stream = Keystream(key)
    drawn = [stream.words(count) for count in (1, 131_072, 0, 200_001)]
    assert np.concatenate(drawn).tobytes() == block.update(counters)[: 8 * (1 + 131_072 + 200_001)]
    assert stream.words_drawn == 331_074
    assert subkey(key, b"one") != subkey(key, b"two")


def test_keys_are_not_printed() -> None:
    stream = Keystream(b"k" * 32)
    assert "kkkk" not in repr(stream)


def test_a_coroutine_awaits_the_worker_without_blocking_its_loop(tmp_path: Any) -> None:
    async def both() -> tuple[Any, int]:
        workers = [MpcWorker(config) for config in running.configs]
        turns = 0

        async def count() -> None:
            nonlocal turns
            while True:
                turns += 1
                await asyncio.sleep(0.001)

        counting = asyncio.create_task(count())
        shares = split([5, 6, 7], 2, rng), split([6, 6, 6], 2, rng)

        async def all_call(task: Callable[[Any, Any], Task[Any]]) -> list[Any]:
            futures = [worker.submit(task(x, y)) for worker, x, y in zip(workers, *shares, strict=True)]
            return await asyncio.gather(*map(asyncio.wrap_future, futures))

        bits, xors, found = [await all_call(task) for task in (comparison, bit_comparison, product)]
        counting.cancel()
        for worker in workers:
            worker.close()
        return (joined(bits).tolist(), (xors[0] ^ xors[1]).tolist(), joined(found).tolist()), turns

    rng = np.random.default_rng(0)
    with parties(tmp_path, 2) as running:
        for process in running.workers:  # their ports are for this process
            process.end()
        (bits, xors, products), turns = asyncio.run(both())
    assert bits == xors == [0, 0, 1]
    assert products == [30, 36, 42]
    assert turns > 3
