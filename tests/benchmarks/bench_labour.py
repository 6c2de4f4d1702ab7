"""A labour market of a city, generated from its graph: `labour_1m`.

The generated step against the same graph in torch, eager, on the same agents. Both have the
same bits. Times leave out import, compilation and the agents' beginning.
"""

import os
import time

import numpy as np
import torch
from measure import Row, cpu_seconds, peak_mib
from stand_in import city

from lpm_secure.engine.backends.torch_backend import TorchBackend
from lpm_secure.engine.model_agents import ModelAgents
from lpm_secure.engine.venues.agents import VenueAgents
from lpm_secure.engine.venues.channels import Setting, VenueChannels, VenueLink, Venues
from lpm_secure.engine.venues.exposures import VenueExposures
from lpm_secure.models.library.work import LabourMarket
from lpm_secure.models.tracer import trace

AGENTS, STEPS, EAGER_STEPS, SECTORS = 1_000_000, 100, 5, 20
LIMIT_S, TIMES_EAGER = 0.050, 20
THREADS = min(2, os.cpu_count() or 1)
HOME, WORK, SECTOR = 0, 1, 2  # places in the list of settings


def market(n):
    """Return where people hear who is idle, at home and at work, and whose demand they live on; and their columns."""
    generator = np.random.default_rng(1)
    places, _ = city(n)
    home, _, work, _ = places.settings
    sector = Setting("sector", generator.integers(SECTORS, size=n).astype(np.int32), np.full(SECTORS, n // SECTORS))
    links = {"idleness": (VenueLink(HOME), VenueLink(WORK)), "purchase": (VenueLink(SECTOR),)}
    columns = {"wage": generator.integers(50, 400, size=n), "reserve": generator.integers(0, 2_000, size=n)}
    columns["caution"] = generator.integers(0, 4, size=n)
    return VenueChannels(Venues.of([home, work, sector]), links), columns


def moved(agents, steps):
    """Return seconds and CPU seconds that so many steps take, and what was counted after each."""
    started, before, counted = time.perf_counter(), cpu_seconds(), []
    for _ in range(steps):
        agents.update()
        counted.append(agents.tally() if isinstance(agents, VenueAgents) else agents.tally_totals())
    return time.perf_counter() - started, cpu_seconds() - before, counted


def labour_1m(scale=1.0):
    """Move a million people through 100 steps of work, pay and demand; five of them in eager torch too."""
    n, traced = round(AGENTS * scale), trace(LabourMarket)
    channels, columns = market(n)
    given = {"key": (1, 2), "columns": columns, "steps": STEPS}
    agents = VenueAgents(traced.graph, traced.parameters, channels, threads=THREADS, **given)
    taken, cpu_s, counted = moved(agents, STEPS)
    mib = peak_mib()
    torch.set_num_threads(THREADS)
    received = VenueExposures(channels, backend := TorchBackend(traced.graph, "cpu"))
    numbers = np.arange(n, dtype=np.uint64)
    parts = {"contacts": received, "cells": received.cells(), "agents": numbers, "saturate": True}
    _, eager_s, eager = moved(ModelAgents(backend, traced.parameters, **parts, **given), EAGER_STEPS)
    for own, peer in zip(counted, eager, strict=False):
        np.testing.assert_array_equal(own, peer)  # the same bits
    each, cpu_each, eager_each = taken / STEPS, cpu_s / STEPS, eager_s / EAGER_STEPS
    limit = max(eager_each / TIMES_EAGER, 1e-9)
    against = f"a {TIMES_EAGER}th of torch eager, {eager_each * 1e3:.0f} CPU ms"
    return [
        Row("labour_1m", each * 1e3, "ms a step", f"limit of {LIMIT_S * 1e3:.0f} ms", each / LIMIT_S, mib, cpu_s=cpu_s),
        Row("labour_1m_eager", cpu_each * 1e3, "CPU ms a step", against, cpu_each / limit, peak_mib()),
    ]


BENCHMARKS = {"labour_1m": labour_1m}
