"""Keys of simulated devices, and who got whose: as if they had been exchanged at every contact."""

from typing import final

import numpy as np
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from client_sdk.private.contacts import ContactTable
from client_sdk.private.device_keys import DeviceKeys
from lpm_secure.data.contact_data import ContactData
from protocols.task.devices import public_key
from protocols.task.layout import Layout
from protocols.task.manifest import SimulationManifest


@final
class Keyring:
    """All devices' keys in one place, as only a testbed has them; each is drawn when it is first asked for.

    Security: the keys come from the system, not from the run's seed.
    """

    def __init__(self) -> None:
        """Begin with no key."""
        self._keys: dict[int, X25519PrivateKey] = {}

    def of(self, name: str, manifest: SimulationManifest, contacts: ContactTable) -> DeviceKeys:
        """Return a device's own key and the public keys of its contacts."""
        first, end = Layout.of(manifest).own[name]
        met = set(np.concatenate([contacts.a, contacts.b]).tolist()) - set(range(first, end))
        return DeviceKeys(self._key(first), {slot: public_key(self._key(slot)) for slot in met})

    def _key(self, slot: int) -> X25519PrivateKey:
        if slot not in self._keys:
            self._keys[slot] = X25519PrivateKey.generate()
        return self._keys[slot]


def most_contacts(data: ContactData) -> int:
    """Return the most people that anyone meets on one day, at least 1: as many slots as a testbed's devices need."""
    ends = np.stack([np.tile(data.day, 2), np.concatenate([data.a, data.b]), np.concatenate([data.b, data.a])])
    met = np.unique(ends, axis=1)[:2]
    return int(np.unique(met, axis=1, return_counts=True)[1].max(initial=1))
