"""The keystream against its standard."""

import numpy as np

from aggregator.mpc.keystream import Keystream, subkey


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
