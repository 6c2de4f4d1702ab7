"""A run with a checkpoint at every step, to be killed: `checkpoint_child.py KIND FILE`. Prints its result's hash."""

import hashlib
import sys
from pathlib import Path

import numpy as np

from lpm_secure import checkpoint
from lpm_secure.config.model import TableIntegers, graph_of
from lpm_secure.engine.venues.agents import VenueAgents
from lpm_secure.engine.venues.channels import Setting, VenueChannels, VenueLink, Venues
from lpm_secure.models.library.seirs import Seirs
from lpm_secure.models.tracer import trace
from protocols.arithmetic.distributions import LAW_TOTAL
from tests.epidemics import agents_on
from tests.random_graph import random_graph

N, STEPS = 5_000, 120
DAYS = (LAW_TOTAL // 4,) * 4


def graph(threads):
    """Return S-E-I-R agents on a graph."""
    given = {"latent": DAYS, "infectious": DAYS, "initial": LAW_TOTAL // 500, "f": 20}
    model = graph_of(TableIntegers(beta=(2**16,), cell_beta=0, **given))
    return agents_on(model, [random_graph(N, mean_degree=10, seed=4)], contact=2**16, key=(5, 6), threads=threads)


def venues(threads):
    """Return S-E-I-R-S agents of the library in homes and workplaces."""
    generator, traced = np.random.default_rng(1), trace(Seirs)
    work = generator.integers(-1, N // 20, size=N).astype(np.int32)
    homes = np.arange(N, dtype=np.int32) // 3
    places = Venues.of([Setting("home", homes, np.full(N // 3 + 1, 2)), Setting("work", work, np.full(N // 20, 20))])
    meet = VenueChannels(places, {"contact": (VenueLink(0), VenueLink(1, scale=3)), "mixing": (VenueLink(1),)})
    given = {"contact_rate": 2**30, "cell_rate": 2**30, "latent_law": DAYS, "infectious_law": DAYS, "initial": 2**23}
    parameters = dict(traced.parameters) | given | {"waning_law": (0,) * 200 + (LAW_TOTAL,)}
    return VenueAgents(traced.graph, parameters, meet, key=(7, 8), threads=threads)


def main(kind, path, threads=1):
    """Go on from the file, or begin; print the hash of all bits at the end."""
    path = Path(path)
    agents = {"graph": graph, "venues": venues}[kind](int(threads))
    series = np.zeros((STEPS + 1, agents.tally().size), dtype=np.int64)
    if path.exists():
        saved, _ = checkpoint.load(path, checkpoint.Nothing, owner=kind)
        agents.load(saved)
        series[: agents.step] = saved["series"]
    print(f"from {agents.step}", flush=True)
    while agents.step < STEPS:
        checkpoint.save(path, agents.save() | {"series": series[: agents.step]}, owner=kind)
        series[agents.step] = agents.tally()
        agents.update()
    checkpoint.save(path, agents.save() | {"series": series[: agents.step]}, owner=kind)
    series[STEPS] = agents.tally()
    bits = [series, agents.stage, *agents.save().values()]
    print(hashlib.sha256(b"".join(array.tobytes() for array in bits)).hexdigest(), int(agents.tally()[0]), flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
