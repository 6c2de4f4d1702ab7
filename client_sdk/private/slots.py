"""A device's part in hiding its contacts: tokens for both ends of each, and padded slots that carry what it says."""

import hmac
from dataclasses import dataclass, field
from typing import final

import numpy as np

from client_sdk.private.contacts import Along
from client_sdk.private.device_keys import DeviceKeys
from client_sdk.private.state import PrivateState
from protocols.arithmetic.fixed_point import I64, U64
from protocols.errors import DataError, ParameterError
from protocols.models.agent_model import Edges, times_weight
from protocols.task.devices import LISTS, Bools, edge_key, edge_token, public_key


@final
@dataclass(frozen=True, slots=True, eq=False)
class Slots:
    """Where what a device says to each contact stands in its out-slots, by day.

    Attributes:
        tokens: uint64[period * 2 * degree * 2], for each day those of the out-slots, then those of the in-slots.

    Security: every client has the same number of slots. Those that it does not use are its own on both sides: they
        bring zeros to itself, and look like all others to every server. Its slots are in an order that looks random to
        whoever lacks its key, and is the same when it is started again.
    """

    tokens: U64 = field(repr=False)
    _degree: int
    _c: int
    _days: tuple[tuple[I64, I64, I64], ...] = field(repr=False)  # channel, weight, place * c + channel, of each contact

    @classmethod
    def of(cls, run: bytes, degree: int, private: PrivateState, here: Bools) -> "Slots":
        """Lay out the contacts with agents that take part.

        Args:
            run: its id, which tokens are bound to.
            degree: slots of each client.
            private: the device's one agent, its contacts and keys.
            here: bool[n], who takes part.

        Raises:
            DataError: the key of a contact is missing.
        """
        if private.devices is None:
            raise ParameterError("a run over permuted edges needs a device's keys; give them with its private state")
        contacts, edges = private.contacts, _Edges(run, private.devices)
        days, tokens = [], []
        for day, each in enumerate(contacts.days):
            agents = each.target // contacts.c
            kept = here[agents]
            met, number = np.unique(agents[kept], return_inverse=True)
            out, into = edges.order(day, degree, b"out"), edges.order(day, degree, b"into")
            tokens += edges.tokens(day, met.tolist(), out, into)
            places = np.array(out, dtype=np.int64)[number.reshape(-1)]
            days.append((each.channel[kept], each.weight[kept], places * contacts.c + each.channel[kept]))
        return cls(np.frombuffer(b"".join(tokens), dtype="<u8").astype(np.uint64), degree, contacts.c, tuple(days))

    def pack(self, says: I64, *, step: int, last: bool = False, along: Along = times_weight) -> I64:
        """Return what the device's agent says in a step, int64[degree * c], of int64[1, c + 1]; zeros in the last."""
        spoken = np.zeros(self._degree * self._c, dtype=np.int64)
        if last:
            return spoken
        channel, weight, place = self._days[step % len(self._days)]
        np.add.at(spoken, place, along(says, Edges(np.zeros_like(channel), channel, weight)))
        return spoken


@final
class _Edges:
    """The keys of a device's edges, each derived once."""

    def __init__(self, run: bytes, keys: DeviceKeys) -> None:
        self._run, self._keys, self._me = run, keys, public_key(keys.own)
        self._of: dict[int, bytes] = {}
        self._dummy = edge_key(keys.own, self._me, run)  # of the device and itself, which nobody else can compute

    def order(self, day: int, degree: int, which: bytes) -> list[int]:
        """Return the numbers 0 to degree - 1 in an order of this device, day and list."""
        head = b"lpm slots " + which + day.to_bytes(8, "big")
        return sorted(range(degree), key=lambda k: hmac.digest(self._dummy, head + k.to_bytes(8, "big"), "sha256"))

    def tokens(self, day: int, met: list[int], out: list[int], into: list[int]) -> list[bytes]:
        """Return the tokens of a day's slots; the k-th contact stands at out[k] and into[k]."""
        slots = [[b""] * len(out) for _ in range(LISTS)]
        for k in range(len(out)):
            other = self._public(met[k]) if k < len(met) else self._me
            key = self._key(met[k]) if k < len(met) else self._dummy + k.to_bytes(8, "big")
            slots[0][out[k]] = edge_token(key, day=day, sender=self._me, receiver=other)
            slots[1][into[k]] = edge_token(key, day=day, sender=other, receiver=self._me)
        return [token for tokens in slots for token in tokens]

    def _key(self, slot: int) -> bytes:
        if slot not in self._of:
            self._of[slot] = edge_key(self._keys.own, self._public(slot), self._run)
        return self._of[slot]

    def _public(self, slot: int) -> bytes:
        if slot not in self._keys.contacts:
            raise DataError("a contact's public key is missing; exchange keys with everyone you list a contact with")
        return self._keys.contacts[slot]
