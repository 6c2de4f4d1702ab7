"""Is a public number below a secret one? A tree of gates of four inputs, each opening linear in what was dealt.

Bit i of the borrow of z - r is generated where r_i & ~z_i, and passed on where r_i == z_i. Of up to four bits both are
linear in the products of the r_i, which are dealt. Of up to four nodes below, P_j and G_j, they are linear in products
of masks p_j and g_j, which are dealt too, once D_j = P_j ^ p_j and E_j = G_j ^ g_j are opened:

    P = prod_j (D_j ^ p_j)        G = G_top ^ sum_j (E_j ^ g_j) prod_{h > j} (D_h ^ p_h)

All numbers are bit planes: a word has one bit of 64 agents, that of agent e at bit e % 64 of word e // 64.

Source: Beaver's multiplication (CRYPTO 1991), widened to gates of several inputs; the masked opening followed by a
    comparison with shared bits is Damgard et al., TCC 2006.
"""

from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Final, final

import numpy as np

from aggregator.masking.carry.field_kernels import WORD, Lines
from protocols.arithmetic.fixed_point import U64

RADIX: Final = 4
ONES: Final = np.uint64(2**64 - 1)
CONSTANT: Final = 0  # the place of a plane that is one at the first aggregator and zero at the other
Form = dict[int, U64]  # what each dealt plane is multiplied by, by its place
Openings = Generator[Lines, U64, U64]


def plane_words(n: int) -> int:
    """Return how many words hold one bit of n agents: one at least."""
    return max(1, -(-n // WORD))


def to_planes(numbers: U64, bits: int) -> U64:
    """Return the lowest bits of uint64[n] as uint64[bits, w]; zero beyond n."""
    octets = np.zeros((8, WORD * plane_words(numbers.size)), dtype=np.uint8)
    octets[:, : numbers.size] = numbers.astype("<u8").view(np.uint8).reshape(-1, 8).T
    planes = [np.packbits(octets[bit // 8] >> bit % 8 & 1, bitorder="little") for bit in range(bits)]
    return np.stack(planes).view("<u8").astype(np.uint64)


def from_plane(plane: U64, n: int) -> U64:
    """Return the bits of one plane, uint64[n]."""
    return np.unpackbits(plane.astype("<u8").view(np.uint8), bitorder="little")[:n].astype(np.uint64)


@final
@dataclass(frozen=True, slots=True)
class Gate:
    """A gate over the next nodes, lowest first.

    Attributes:
        first: the node.
        width: of how many nodes, or of how many bits of r at a leaf.
        place: of the first plane that is dealt for it.
        lowest: whether it is the lowest one, whose P nobody needs.
    """

    first: int
    width: int
    place: int
    lowest: bool

    def find_product(self, subset: int) -> int:
        """Return the place of a product of masks p, or of bits of r; of no masks, of one."""
        return CONSTANT if subset == 0 else self.place + subset - 1

    def find_carry_mask(self, node: int, subset: int) -> int:
        """Return the place of a mask g times a product of masks of higher nodes, whose numbers a subset names."""
        before = sum(1 << self.width - 1 - each for each in range(node))
        return self.place + (1 << self.width) - 1 + before + (subset >> node + 1)

    @property
    def planes(self) -> int:
        """Return how many planes are dealt for it above the leaves."""
        return 2 * ((1 << self.width) - 1) - 1


@final
@dataclass(frozen=True, slots=True)
class CarryCircuit:
    """The gates of a comparison.

    Attributes:
        bits: of both numbers.
        leaves: over bits of r.
        levels: over nodes; gates of one node, which pass it on, are left out.
        output: the place of what masks the last bit.
    """

    bits: int
    leaves: tuple[Gate, ...]
    levels: tuple[tuple[Gate, ...], ...]
    output: int

    @property
    def planes(self) -> int:
        """Return how many planes there are, with that of one."""
        return self.output + 1

    @property
    def opened(self) -> tuple[int, ...]:
        """Return how many planes each message opens."""
        return (*(sum(len(_opened(gate)) for gate in level) for level in self.levels), 1)


@lru_cache(maxsize=8)
def carry_circuit(bits: int) -> CarryCircuit:
    """Return the circuit for numbers of so many bits."""
    leaves, place = _gates(bits, CONSTANT + 1, lambda gate: (1 << gate.width) - 1)
    nodes, levels = len(leaves), list[tuple[Gate, ...]]()
    while nodes > 1:
        gates, place = _gates(nodes, place, lambda gate: gate.planes if gate.width > 1 else 0)
        levels.append(gates)
        nodes = len(gates)
    return CarryCircuit(bits, leaves, tuple(levels), place)


def _gates(nodes: int, place: int, planes: Callable[[Gate], int]) -> tuple[tuple[Gate, ...], int]:
    """Return gates over so many nodes, and the place behind what is dealt for them."""
    gates = []
    for first in range(0, nodes, RADIX):
        gates.append(Gate(first, min(RADIX, nodes - first), place, lowest=first == 0))
        place += planes(gates[-1])
    return tuple(gates), place


def _opened(gate: Gate) -> list[tuple[int, bool]]:
    """Return what a gate opens: nodes by their places in it, and whether it is what they generate."""
    if gate.width == 1:
        return []
    passed = [(node, False) for node in range(1 if gate.lowest else 0, gate.width)]
    return [*passed, *((node, True) for node in range(gate.width - 1))]


def deal_planes(circuit: CarryCircuit, r: U64, masks: Callable[[int], U64]) -> U64:
    """Return all planes that aggregators get shares of but the output's mask, uint64[planes, w]; 0 in place of one.

    Args:
        circuit: of the comparison.
        r: uint64[bits, w].
        masks: draws uint64[count, w].
    """
    out = np.zeros((circuit.planes, r.shape[1]), dtype=np.uint64)
    for gate in circuit.leaves:
        out[gate.place : gate.place + (1 << gate.width) - 1] = _products(r[gate.first : gate.first + gate.width])[1:]
    for gate in (gate for level in circuit.levels for gate in level if gate.width > 1):
        drawn = masks(2 * gate.width - 1)
        products, generated = _products(drawn[: gate.width]), drawn[gate.width :]
        out[gate.place : gate.place + len(products) - 1] = products[1:]
        for node, g in enumerate(generated):
            first, step = gate.find_carry_mask(node, 0), 2 << node
            out[first : first + len(products) // step] = products[::step] & g
    return out


def _products(p: U64) -> U64:
    """Return the product of each subset of planes, uint64[2**m, w], from that of none on."""
    table = np.full((1 << len(p), p.shape[1]), ONES)
    for place, plane in enumerate(p):
        np.bitwise_and(table[: 1 << place], plane, out=table[1 << place : 2 << place])
    return table


def open_bits(circuit: CarryCircuit, z: U64) -> Openings:
    """Yield what is opened in each message, as functions of what was dealt; take in what it is; return the last of it.

    Args:
        circuit: of the comparison.
        z: uint64[bits + 1, w], public; the bit above those that are compared is added to the output.
    """
    ones = np.full(z.shape[1], ONES)
    nodes = [_leaf(gate, ~z[gate.first : gate.first + gate.width]) for gate in circuit.leaves]
    for level in circuit.levels:
        forms = [
            _add(nodes[gate.first + node][is_generated], {_mask_of(gate, node, is_generated=is_generated): ones})
            for gate in level
            for node, is_generated in _opened(gate)
        ]
        opened = iter((yield _lines(forms)))
        nodes = [_merge(gate, nodes[gate.first : gate.first + gate.width], opened) for gate in level]
    public: U64 = yield _lines([_add(nodes[0][True], {circuit.output: ones, CONSTANT: z[circuit.bits]})])
    last: U64 = public[0]
    return last


def _mask_of(gate: Gate, node: int, *, is_generated: bool) -> int:
    return gate.find_carry_mask(node, 0) if is_generated else gate.find_product(1 << node)


def _add(first: Form, second: Form) -> Form:
    out = dict(first)
    for place, plane in second.items():
        out[place] = out[place] ^ plane if place in out else plane
    return out


def _factors(planes: list[U64], subset: int) -> U64 | None:
    """Return the product of the planes that are not in a subset; None of no planes, where it is one."""
    out = None
    for place, plane in enumerate(planes):
        if not subset >> place & 1:
            out = plane if out is None else out & plane
    return out


def _leaf(gate: Gate, d: U64) -> tuple[Form, Form]:
    """Return (P, G) of bits of r, where d is the complement of those of z."""
    planes, ones = list(d), np.full(d.shape[1], ONES)
    passed, generated = Form(), Form()
    for subset in range(1 << gate.width):
        factors = _factors(planes, subset)
        passed[gate.find_product(subset)] = ones if factors is None else factors
        if subset:
            lowest = (subset & -subset).bit_length() - 1
            above = _factors(planes[lowest:], subset >> lowest)
            generated[gate.find_product(subset)] = planes[lowest] if above is None else planes[lowest] & above
    return passed, generated


def _merge(gate: Gate, nodes: list[tuple[Form, Form]], opened: Iterator[U64]) -> tuple[Form, Form]:
    """Return (P, G) of nodes, of which the masked ones are opened; the lowest P of all is nothing."""
    if gate.width == 1:
        return nodes[0]
    public = {key: next(opened) for key in _opened(gate)}
    d = [public.get((node, False), np.zeros(0, dtype=np.uint64)) for node in range(gate.width)]
    ones = np.full(next(iter(public.values())).size, ONES)
    generated, passed = nodes[-1][True], Form()
    for node in range(gate.width - 1):
        for subset in range(1 << gate.width - 1 - node):
            factors, place = _factors(d[node + 1 :], subset), subset << node + 1
            factors = ones if factors is None else factors
            terms = {gate.find_product(place): public[node, True] & factors, gate.find_carry_mask(node, place): factors}
            generated = _add(generated, terms)
    for subset in range(0 if gate.lowest else 1 << gate.width):
        factors = _factors(d, subset)
        passed[gate.find_product(subset)] = ones if factors is None else factors
    return passed, generated


def _lines(forms: list[Form]) -> Lines:
    starts = np.cumsum([0, *map(len, forms)])
    places = np.array([place for form in forms for place in form], dtype=np.int64)
    return Lines(places, starts.astype(np.int64), np.stack([plane for form in forms for plane in form.values()]))


def evaluate(lines: Lines, dealt: U64) -> U64:
    """Return what a party opens, uint64[j, w], of its shares, uint64[planes, w]."""
    opened = [
        np.bitwise_xor.reduce(lines.coefficients[terms] & dealt[lines.places[terms]])
        for terms in map(lines.terms, range(len(lines.starts) - 1))
    ]
    return np.stack(opened)


def join(lines: list[Lines]) -> Lines:
    """Return what all messages open."""
    starts = np.cumsum([0, *(size for each in lines for size in np.diff(each.starts))])
    places, coefficients = (
        np.concatenate([getattr(each, name) for each in lines]) for name in ("places", "coefficients")
    )
    return Lines(places, starts.astype(np.int64), coefficients)
