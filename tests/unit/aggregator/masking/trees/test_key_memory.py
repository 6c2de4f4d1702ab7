"""Memory of keys is written again only where nobody looks at it any more."""

import numpy as np
import pytest

from aggregator.masking.trees.key_memory import KeyMemory
from aggregator.masking.trees.tree_kernels import Corrections
from protocols.masking.messages import view


def place(corrections):
    return [each.ctypes.data for each in (corrections.nodes, corrections.payloads, corrections.last)]


def test_memory_that_nobody_looks_at_is_used_again():
    memory = KeyMemory()
    before = place(memory.corrections(5, 1000))
    assert place(memory.corrections(5, 1000)) == before


HELD = {
    "the keys": lambda given: given,
    "one array": lambda given: given.last,
    "a part of one": lambda given: given.nodes[2, 3:],
    "the bytes of a message": lambda given: view(given.payloads),
    "what was read of them": lambda given: np.frombuffer(view(given.nodes), dtype=np.uint64),
    "keys that were made of its arrays": lambda given: Corrections(given.nodes, given.payloads, given.last),
}


@pytest.mark.parametrize("what", HELD)
def test_whoever_holds_what_was_dealt_keeps_it(what):
    memory = KeyMemory()
    held = HELD[what](memory.corrections(5, 1000))
    before = bytes(view(held.nodes if isinstance(held, Corrections) else np.asarray(held)))
    later = memory.corrections(5, 1000)
    for each in (later.nodes, later.payloads, later.last):
        each[:] = np.uint64(2**64 - 1)
    assert bytes(view(held.nodes if isinstance(held, Corrections) else np.asarray(held))) == before


def test_another_number_of_agents_or_bits_has_memory_of_its_own():
    memory = KeyMemory()
    for bits, n in ((5, 1000), (6, 1000), (6, 10), (5, 0)):
        out = memory.corrections(bits, n)
        assert [each.shape for each in (out.nodes, out.payloads, out.last)] == [(bits, n, 2), (bits, n), (n,)]
