"""What derivatives cost beside values: `relaxed_step`, `tangent_p8`, `adjoint_p1000`, `gradient_1m`."""

import asyncio
import time

import in_process
import numpy as np
import torch
from measure import Row, cpu_seconds

from lpm_secure.config.model import TableIntegers, graph_of
from lpm_secure.engine.loop import RemotePart, simulate
from lpm_secure.gradients.private.adjoints import PrivateAdjoints, mean_counts
from lpm_secure.gradients.private.relaxed_agents import TorchAgents
from lpm_secure.gradients.private.tangents import simulate_tangents, synthetic_part
from lpm_secure.models.library.seir_channels import rate_names
from protocols.arithmetic.distributions import LAW_TOTAL
from protocols.models import Seir
from protocols.models.gradient import Gradient, HazardReduction, LeakyVaccine
from protocols.models.run_relaxation import relaxation_of
from protocols.models.seir.relaxation import values

NAMES = ("beta.near", "beta.far", "cell_beta", "latent", "infectious", "initial", "reduction", "efficacy")
GIVEN = {
    "reduction": HazardReduction(begin=2, end=9, share=0.3),
    "protection": LeakyVaccine(begin=3, coverage=0.5, efficacy=0.5),
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
        return await simulate_tangents(testbed.manifest, part, synthetic_part(testbed))

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
    testbed = in_process.drawn_people(
        agents=20_000, clients=4, contacts=10, cells=100, steps=20, gradient=Gradient(way="adjoints", **GIVEN)
    )
    manifest, taken = testbed.manifest, {}
    base = torch.tensor(values(manifest.model, manifest.gradient))
    net = torch.nn.Sequential(torch.nn.Linear(1, 110), torch.nn.Tanh(), torch.nn.Linear(110, len(base))).double()
    days = torch.linspace(0, 1, manifest.steps, dtype=torch.float64)[:, None]

    def train(private):
        started = time.perf_counter()
        synthetic = TorchAgents(manifest, cell=np.zeros(0, dtype=np.int64), n=0)
        counts = mean_counts(manifest, private, synthetic, base * torch.exp(0.1 * net(days)))
        taken["forth"] = time.perf_counter() - started
        counts[-1, 0, 3].backward()
        taken["both"] = time.perf_counter() - started

    async def engine(transports):
        part = RemotePart(manifest, transports)
        await asyncio.to_thread(train, PrivateAdjoints(manifest, part, asyncio.get_running_loop()))

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
        for chosen, steps in ((("cell_beta",), 10), (NAMES, 60))
    )
    peer = f"60 x 9/2 x a step with p = 1, {60 * 4.5 * one:.0f} s"
    return [Row("gradient_1m", 60 * eight, "s for 60 steps", peer, eight / (4.5 * one))]


def relaxed_step(scale=1.0):
    """A step of relaxed agents by the chain of a table's graph, against the table's own dynamics; short stays and long.

    Two channels and cells, p = 4, CPU time; what reaches agents along contacts is drawn.
    """
    n, steps, cells, rows = round(20_000 * scale), 10, 100, []
    heard = np.random.default_rng(1).integers(0, 2**22, (n, 2, 5))
    cell, sizes = np.arange(n) % cells, (-(-n // cells),) * cells
    for title, days in (("relaxed_step", 4), ("relaxed_step_30d", 30)):
        law = (LAW_TOTAL - (days - 1) * (LAW_TOTAL // days), *(LAW_TOTAL // days,) * (days - 1))
        table = TableIntegers(beta=(2**20, 2**19), cell_beta=2**24, latent=law, infectious=law, initial=2**27, f=26)
        graph = graph_of(table, listed=False)
        names = {"chain": (*rate_names(2), "cell_rate", "initial"), "table": (*NAMES[:3], "initial")}
        models = {"chain": graph, "table": Seir(*table[:6])}
        taken = {}
        for name, model in models.items():
            gradient = Gradient(way="tangents", parameters=names[name], value_bits=24, tangent_bits=18, clip=64.0)
            given = {"channels": ("near", "far"), "sizes": sizes, "cell": cell, "columns": {}, "n": n, "steps": steps}
            agents = relaxation_of(model, gradient, **given)
            before = cpu_seconds()
            for step in range(steps):
                totals = agents.cells(agents.messages(), channels=1)
                agents.update(heard, totals, step=step)
            taken[name] = (cpu_seconds() - before) / steps
        against = f"the table's own, {taken['table'] * 1e9 / n:.0f} ns"
        ratio = taken["chain"] / max(taken["table"], 1e-9)
        value = taken["chain"] * 1e9 / n
        rows.append(Row(title, value, "CPU ns an agent", against, ratio, cpu_s=taken["chain"]))
    return rows


BENCHMARKS = {
    "relaxed_step": relaxed_step,
    "tangent_p8": tangent_p8,
    "adjoint_p1000": adjoint_p1000,
    "gradient_1m": gradient_1m,
}
