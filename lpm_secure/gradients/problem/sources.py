"""The populations that gradients are verified on: a homogeneous graph and the workplace; `city` has the third."""

from typing import NamedTuple

import numpy as np

from client_sdk.private.contacts import ContactTable
from lpm_secure.data import workplace
from lpm_secure.engine.kernels.csr import I32, Csr
from lpm_secure.engine.kernels.random_graph import homogeneous_graph


class ContactSource(NamedTuple):
    """Who meets whom, by day of a period, and which group each is in.

    Attributes:
        unit: the weight of a contact that counts as one unit of exposure.
    """

    days: tuple[Csr, ...]
    group: I32
    groups: tuple[str, ...]
    source: str
    unit: int = 1


def homogeneous(agents: int, degree: int, seed: int) -> ContactSource:
    """Return a graph in which everybody has the same degree."""
    graph = homogeneous_graph(agents, degree=degree, seed=seed)
    return ContactSource((graph,), np.zeros(agents, dtype=np.int32), ("all",), f"{agents:,} agents of degree {degree}")


def office() -> ContactSource:
    """Return the measured contacts of the workplace, departments as groups.

    Raises:
        DataError: the data cannot be had.
    """
    data = workplace.load()
    n = data.people.size
    a, b = np.searchsorted(data.people, data.a), np.searchsorted(data.people, data.b)
    table = ContactTable(data.day, a, b, np.zeros_like(data.day), data.weight)
    names = tuple(sorted(set(data.group)))
    group = np.array([names.index(each) for each in data.group], dtype=np.int32)
    return ContactSource(tuple(Csr.of(table, n=n, day=day) for day in range(data.days)), group, names, data.source)
