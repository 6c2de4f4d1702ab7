"""What derivatives cost beside values: `relaxed_step`, `tangent_p8`, `adjoint_p1000`, `gradient_1m`."""

import asyncio
import time
from functools import partial

import in_process
import msgspec
import numpy as np
import torch
from measure import Row, cpu_seconds
from peers.epidemic.compartments import Compartments

from lpm_secure.config.model import TableIntegers, graph_of
from lpm_secure.engine.loop import RemotePart, simulate
from lpm_secure.gradients.private.adjoints import PrivateAdjoints, mean_counts
from lpm_secure.gradients.private.result import engine_tensors
from lpm_secure.gradients.private.tangents import simulate_tangents, synthetic_part
from lpm_secure.models.library.seir_channels import rate_names
from protocols.arithmetic.distributions import LAW_TOTAL
from protocols.models.chain.chain_agents import ChainAgents
from protocols.models.chain.hazard_factor import PROTECTION, REDUCTION
from protocols.models.dynamics import Relaxation
from protocols.models.gradient import Gradient, HazardReduction, LeakyVaccine
from protocols.task.layout import Layout
from protocols.task.release_plan import ReleasePlan

OWN = (*rate_names(2), "cell_rate", "latent_law", "infectious_law", "initial")
NAMES = (*OWN, REDUCTION, PROTECTION)
GIVEN = {
    "reduction": HazardReduction(begin=2, end=9, share=0.3),
    "protection": LeakyVaccine(begin=3, coverage=0.5, efficacy=0.5),
    "stays": "geometric",
    "value_bits": 24,
    "tangent_bits": 18,
    "clip": 64.0,
}


def steps_of(testbed):
    """Return the mean seconds of a step, tangents or values alone, and the CPU seconds of all steps after the first."""
    ends = []

    async def engine(transports):
        part = Clocked(RemotePart(testbed.manifest, transports), ends)
        if testbed.manifest.gradient is None:
            return await simulate(testbed.manifest, part, testbed.synthetic_agents(torch.device("cpu")))
        return await simulate_tangents(
            testbed.manifest.relaxation, ReleasePlan.of(testbed.manifest), part, synthetic_part(testbed)
        )

    asyncio.run(in_process.run(testbed, engine))
    (first, used_first), (last, used_last) = ends[0], ends[-1]
    return (last - first) / (len(ends) - 1), used_last - used_first


class Clocked:
    """The private part, with the time at which each round ended, and the CPU seconds until then."""

    def __init__(self, part, ends):
        """Watch a part."""
        self.part, self.ends = part, ends

    async def advance(self, step, synthetic):
        """Do what the part does."""
        release = await self.part.advance(step, synthetic)
        self.ends.append((time.perf_counter(), cpu_seconds()))
        return release


def tangent_p8():
    """Eight tangents beside every value, against nine discrete steps and against one tangent, in runs of one size."""
    size = {"agents": 40_000, "clients": 4, "contacts": 10, "cells": 100, "steps": 8}
    discrete = steps_of(in_process.drawn_people(gradient=None, **size))[0]
    one = steps_of(in_process.drawn_people(gradient=Gradient(way="tangents", parameters=NAMES[:1], **GIVEN), **size))[0]
    eight, cpu_s = steps_of(
        in_process.drawn_people(gradient=Gradient(way="tangents", parameters=NAMES, **GIVEN), **size)
    )
    peers = {"9 x a discrete step": 9 * discrete, "9/2 x a step with p = 1": 4.5 * one}
    return [
        Row("tangent_p8", eight * 1e3, "ms a step", f"{name}, {peer * 1e3:.0f} ms", eight / peer, cpu_s=cpu_s)
        for name, peer in peers.items()
    ]


def adjoint_p1000():
    """Forth and back, for a network of more than 1,000 weights, against forth alone."""
    gradient = Gradient(way="adjoints", parameters=NAMES, **GIVEN)
    testbed = in_process.drawn_people(agents=20_000, clients=4, contacts=10, cells=100, steps=20, gradient=gradient)
    manifest, taken = testbed.manifest, {}
    base = torch.tensor([0.02, 0.01, 0.2, 2.5, 2.5, 0.03, 0.3, 0.5], dtype=torch.float64)  # their sizes, roughly
    net = torch.nn.Sequential(torch.nn.Linear(1, 110), torch.nn.Tanh(), torch.nn.Linear(110, len(base))).double()
    days = torch.linspace(0, 1, manifest.steps, dtype=torch.float64)[:, None]

    def train(private):
        started = time.perf_counter()
        synthetic, _ = engine_tensors(testbed)
        counts = mean_counts(private, synthetic, base * torch.expm1(0.1 * net(days)))
        taken["forth"] = time.perf_counter() - started
        counts[-1, 0, 3].backward()
        taken["both"] = time.perf_counter() - started

    async def engine(transports):
        part = RemotePart(manifest, transports)
        await asyncio.to_thread(
            train, PrivateAdjoints(manifest.relaxation, Layout.of(manifest), part, asyncio.get_running_loop())
        )

    asyncio.run(in_process.run(testbed, engine))
    p = sum(each.numel() for each in net.parameters())
    forth, both = taken["forth"], taken["both"]
    return [Row("adjoint_p1000", both, f"s, p = {p}", f"forth alone, {forth:.2f} s", both / forth)]


def gradient_1m():
    """A million private agents in 20 institutions, p = 8, 60 steps, coupled through cells, as outcome mode allows."""
    size = {"agents": 1_000_000, "clients": 20, "contacts": 0, "cells": 2_000, "mode": "outcome"}
    one, eight = (
        steps_of(
            in_process.drawn_people(gradient=Gradient(way="tangents", parameters=chosen, **GIVEN), steps=steps, **size)
        )[0]
        for chosen, steps in ((("cell_rate",), 10), (NAMES, 60))
    )
    peer = f"60 x 9/2 x a step with p = 1, {60 * 4.5 * one:.0f} s"
    return [Row("gradient_1m", 60 * eight, "s for 60 steps", peer, eight / (4.5 * one))]


def relaxed_step(scale=1.0):
    """A step of relaxed agents of a table's graph, stays geometric and exact, against such a step written by hand.

    Two channels and cells, p = 4, CPU time; what reaches agents along contacts is drawn.
    """
    n, rows = round(20_000 * scale), []
    for title, days in (("relaxed_step", 4), ("relaxed_step_30d", 30)):
        law = (LAW_TOTAL - (days - 1) * (LAW_TOTAL // days), *(LAW_TOTAL // days,) * (days - 1))
        table = TableIntegers(beta=(2**20, 2**19), cell_beta=2**24, latent=law, infectious=law, initial=2**27, f=26)
        peer = step_seconds(n, partial(Compartments, table, GRADIENT))
        for stays in ("geometric", "exact"):
            own = step_seconds(n, partial(chain_agents, table, stays))
            name, against = f"{title}, {stays}", f"written by hand, {peer * 1e9 / n:.0f} ns"
            rows.append(Row(name, own * 1e9 / n, "CPU ns an agent", against, own / max(peer, 1e-9), cpu_s=own))
    return rows


NAMED = (*rate_names(2), "cell_rate", "initial")
GRADIENT = Gradient(way="tangents", parameters=NAMED, value_bits=24, tangent_bits=18, clip=64.0)
RELAXED_STEPS = 10


def chain_agents(table, stays, *, sizes, cell):
    """Return relaxed agents of a table's graph."""
    gradient = msgspec.structs.replace(GRADIENT, stays=stays) if stays == "geometric" else GRADIENT
    model = graph_of(table, listed=False)
    run = Relaxation(model, gradient, RELAXED_STEPS, sizes)
    return ChainAgents.of_run(run, columns={}, cell=cell, n=cell.size)


def step_seconds(n, make):
    """Return the CPU seconds of a step, the best of three runs."""
    cells, taken = 100, []
    heard = np.random.default_rng(1).integers(0, 2**22, (n, 2, 1 + GRADIENT.p))
    for _ in range(3):
        agents = make(sizes=(-(-n // cells),) * cells, cell=np.arange(n) % cells)
        before = cpu_seconds()
        for step in range(RELAXED_STEPS):
            totals = agents.cells(agents.messages(), channels=1)
            agents.tally()
            agents.update(heard, totals, step=step)
        taken.append((cpu_seconds() - before) / RELAXED_STEPS)
    return min(taken)


BENCHMARKS = {
    "relaxed_step": relaxed_step,
    "tangent_p8": tangent_p8,
    "adjoint_p1000": adjoint_p1000,
    "gradient_1m": gradient_1m,
}
