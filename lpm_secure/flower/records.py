"""Bytes and vectors as Flower's records."""

from collections.abc import Mapping
from typing import Final

import numpy as np
from flwr.app import Array, ArrayRecord, ConfigRecord, Message, RecordDict

from protocols.arithmetic.counters import RoundNumber
from protocols.errors import WireError

ANNOUNCED: Final = "announced"  # what the server publishes: float64, in the shape of the run's vectors
VECTOR: Final = "vector"  # what an institution would tell: int64[d]; never leaves it
SEALED: Final = "sealed"  # ciphertexts, by who they are for; or at who opens them, by who sealed them
SUM: Final = "sum"  # an aggregator's share of the sum: uint64[d]
ABOUT: Final = "about"  # run and step, and names
MEMBERS, LEFT_OUT, UNOPENED = "members", "left_out", "unopened"  # lists of names
MAX_BYTES: Final = 2**26


def of_bytes(contents: Mapping[str, bytes]) -> ArrayRecord:
    """Return ciphertexts, by name, as arrays of bytes."""
    return ArrayRecord({name: Array(np.frombuffer(content, dtype=np.uint8)) for name, content in contents.items()})


def to_bytes(record: ArrayRecord) -> dict[str, bytes]:
    """Return what `of_bytes` was given.

    Raises:
        WireError: arrays of anything but bytes, or too long.
    """
    found = {}
    for name, array in record.items():
        if array.dtype != "uint8" or len(array.data) > MAX_BYTES:
            raise WireError(f"got {len(array.data)} bytes of {array.dtype} in place of a ciphertext")
        found[name] = _read(array).tobytes()
    return found


def _read(array: Array) -> np.ndarray[tuple[int, ...], np.dtype[np.generic]]:
    """Return what an array holds; WireError where it is no NumPy file, or says that it is larger than it is."""
    try:
        return array.numpy()
    except (TypeError, ValueError, EOFError, OSError, MemoryError) as error:
        raise WireError(f"got an array that cannot be read ({type(error).__name__})") from None


def about(message: Message) -> ConfigRecord:
    """Return what a message says of itself; WireError if it says nothing."""
    found = message.content.config_records.get(ABOUT) if message.has_content() else None
    if found is None:
        raise WireError("a message does not say what it is about")
    return found


def text_of(record: ConfigRecord, key: str) -> str:
    """Return a text; WireError where there is none."""
    value = record.get(key)
    if not isinstance(value, str):
        raise WireError(f"a message does not say its {key}")
    return value


def names_of(record: ConfigRecord, key: str) -> tuple[str, ...]:
    """Return a list of names; WireError where it is anything else. What is not there is empty."""
    value = record.get(key, [])
    if not isinstance(value, list) or not all(isinstance(each, str) for each in value):
        raise WireError(f"a message does not say its {key}")
    return tuple(map(str, value))


def round_of(record: ConfigRecord) -> RoundNumber:
    """Return the number of the run's round, which the step of a run of sums is; WireError where there is none."""
    value = record.get("step")
    if not isinstance(value, int) or value < 0:
        raise WireError("a message does not say its step")
    return RoundNumber(value)


def vector_of(message: Message, name: str, dtype: str) -> np.ndarray[tuple[int, ...], np.dtype[np.generic]]:
    """Return the one array of a record.

    Raises:
        WireError: there is none, or one of another kind.
    """
    record = message.content.array_records.get(name)
    arrays = list(record.values()) if record is not None else []
    if len(arrays) != 1 or arrays[0].dtype != dtype or len(arrays[0].data) > MAX_BYTES:
        raise WireError(f"a message has no {name} of {dtype}")
    return _read(arrays[0])


def content_of(**records: ArrayRecord | ConfigRecord) -> RecordDict:
    """Return a message's content."""
    return RecordDict(dict(records))
