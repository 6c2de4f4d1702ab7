"""The engine at city size: `graph_8m`, `contact_limit`, `growth`, `differentiable_8m`, `city_180d`, `peers_1m`.

Every function takes a `scale` of its number of agents. Times leave out import, compilation and the making of contacts.
"""

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import plotly.graph_objects as go
import torch
from measure import Row, cpu_seconds, peak_mib, reset_peak, seconds
from msgspec.structs import replace
from peers.compare import peers_1m
from peers.epidemic.graph_agents import GraphAgents
from stand_in import city

from lpm_secure.city.config import CheckpointConfig
from lpm_secure.city.config import load as load_city
from lpm_secure.city.run import run as run_city
from lpm_secure.config.model import TableIntegers, graph_of
from lpm_secure.data import catalogue
from lpm_secure.data.nyc_tables import DATA
from lpm_secure.engine.kernels.workers import Workers
from lpm_secure.populations.source import open_population
from protocols.arithmetic.distributions import LAW_TOTAL
from protocols.arithmetic.jit import compile_kernel
from tests.epidemics import agents_on
from tests.random_graph import random_graph

AGENTS, STEPS, F = 8_400_000, 100, 24
THREADS = min(2, os.cpu_count() or 1)
LIMIT_S, LIMIT_MIB, ATTACK = 8.0, 1.5 * 1024, 0.75
EXAMPLE = Path(__file__).parents[2] / "examples" / "city.toml"
PLOT = Path(__file__).parents[2] / "build" / "growth.html"
CPU = torch.device("cpu")


def uniform_days(last):
    """Return a law: 1 to `last` days, all alike."""
    days = [LAW_TOTAL // last] * last
    return (*days[:-1], LAW_TOTAL - sum(days[:-1]))


def model(r0=2.16):
    """Return the epidemic: 1-3 days latent, 1-9 infectious; it reaches three quarters of a graph of mean degree 10."""
    beta = round(r0 / 50 * 2**F)
    latent, infectious = uniform_days(3), uniform_days(9)
    return TableIntegers(
        beta=(beta,), cell_beta=0, latent=latent, infectious=infectious, initial=LAW_TOTAL // 1_000, f=F
    )


def run(agents, steps):
    """Move agents on by so many steps."""
    for _ in range(steps):
        agents.update()


def timed(make, *, steps=STEPS):
    """Return seconds of a whole run, its draws included, and the agents at the end."""
    started = time.perf_counter()
    agents = make()
    run(agents, steps=steps)
    return time.perf_counter() - started, agents


def warm(make):
    """Compile what a run needs on a small graph."""
    run(make(random_graph(2_000, mean_degree=10, seed=1)), steps=12)


def makers():
    """Return what makes agents on a graph, by the name of its row: generated, and the hand-written epidemic."""
    given = model()

    def generated(graph, threads):
        return agents_on(graph_of(given), [graph], contact=given.beta[0], key=(1, 2), threads=threads)

    return {
        "graph_8m": lambda graph: generated(graph, THREADS),
        "graph_8m_hand": lambda graph: GraphAgents(given, graph, key=(1, 2), threads=THREADS),
        "graph_8m_1_thread": lambda graph: generated(graph, 1),
    }


def graph_8m(scale=1.0):
    """Run 100 days on a random graph of mean degree 10: generated, hand-written, and generated on 1 thread."""
    graph = random_graph(round(AGENTS * scale), mean_degree=10, seed=1)
    rows, tallies = [], []
    for name, make in makers().items():
        warm(make)
        reset_peak()
        before = cpu_seconds()
        taken, agents = timed(lambda make=make: make(graph))
        cpu_s = cpu_seconds() - before
        limit = f"limit of {LIMIT_S:.0f} s, aim 5 s"
        rows.append(Row(name, taken, "s", limit, taken / LIMIT_S, peak_mib(), cpu_s=cpu_s))
        tallies.append(agents.tally().tolist())
        del agents
    attack = 1 - tallies[0][0] / graph.n
    assert all(tally == tallies[0] for tally in tallies)  # the same bits
    memory = rows[0].peak_mib
    rows.append(Row("graph_8m_memory", memory, "MiB", f"limit of {LIMIT_MIB:.0f} MiB", memory / LIMIT_MIB, memory))
    rows.append(Row("graph_8m_attack", attack, "of all agents", f"asked for {ATTACK}", attack / ATTACK))
    own, hand = rows[:2]
    ratio = own.cpu_s / max(hand.cpu_s, 1e-9)
    rows.append(Row("graph_8m_cpu", own.cpu_s, "CPU s", f"hand-written, {hand.cpu_s:.2f} CPU s; limit 1.3", ratio))
    against, ratio = f"hand-written, {hand.peak_mib:.0f} MiB; limit 1.3", own.peak_mib / hand.peak_mib
    return [*rows, Row("graph_8m_peak", own.peak_mib, "MiB", against, ratio, own.peak_mib)]


@compile_kernel
def read(span, indices, array):
    """Add up an array in the order of the contacts: one random read for each."""
    found = 0
    for e in range(span[0], span[1]):
        found += array[indices[e]]
    return found


def contact_limit(scale=1.0):
    """Compare a run's time per touched contact with one random read of the array of exposures."""
    graph = random_graph(round(AGENTS * scale), mean_degree=10, seed=1)
    warm(makers()["graph_8m"])
    taken, agents = timed(lambda: makers()["graph_8m"](graph))
    degree = np.diff(graph.indptr)
    touched = int(degree[agents.stage == 3].sum()) * 2 + int(degree[agents.stage == 2].sum())
    array = np.ones(graph.n, dtype=np.uint8)
    workers = Workers(graph.edges, THREADS)
    limit = seconds(lambda: workers.each(lambda _, span: read(span, graph.indices, array)), repeat=3) / graph.edges
    each = taken / touched
    return [
        Row("contact_limit", each * 1e9, "ns per touched contact", f"random read, {limit * 1e9:.2f} ns", each / limit)
    ]


def growth(scale=1.0):
    """Fit a line to log seconds over log agents, from 1e5 to 3e7."""
    rows, sizes, times = [], [], []
    make = makers()["graph_8m"]
    warm(make)
    for size in (1e5, 1e6, AGENTS, 3e7):
        graph = random_graph(round(size * scale), mean_degree=10, seed=1)
        taken = min(timed(lambda graph=graph: make(graph))[0] for _ in range(5 if size < 2e6 else 1))
        sizes.append(graph.n)
        times.append(taken)
        per = taken / graph.n / (times[0] / sizes[0])
        rows.append(Row(f"growth_{graph.n:.3g}", taken, "s", "time per agent of the smallest", per, peak_mib()))
        del graph
    slope = float(np.polyfit(np.log(sizes), np.log(times), 1)[0])
    if scale == 1.0:
        plot_growth(sizes, times, slope)
    return [*rows, Row("growth", slope, "slope of log s over log n", "limit of 1.1", slope / 1.1)]


def plot_growth(sizes, times, slope):
    """Write build/growth.html: seconds over agents on logarithmic axes, and the fitted line."""
    line = np.exp(np.mean(np.log(times)) + slope * (np.log(sizes) - np.mean(np.log(sizes))))
    figure = go.Figure()
    figure.add_trace(go.Scatter(x=sizes, y=times, mode="markers", name="100 days, mean degree 10"))
    figure.add_trace(go.Scatter(x=sizes, y=line, mode="lines", name=f"slope {slope:.2f}"))
    figure.update_xaxes(type="log", title_text="agents")
    figure.update_yaxes(type="log", title_text="seconds")
    PLOT.parent.mkdir(exist_ok=True)
    figure.write_html(PLOT)


def differentiable_8m(scale=1.0):
    """Run the relaxed form through 60 days, forward and backward, with recomputation."""
    import torch

    from lpm_secure.engine.venues.channels import Venues
    from tests.benchmarks.mean_field_venues import MeanFieldVenues, VenueTheta

    places, _ = city(round(AGENTS * scale))
    agents = MeanFieldVenues(Venues.of(places.settings[:3]), device=torch.device("cpu"), threads=THREADS)
    values = [torch.tensor(value, requires_grad=True) for value in ([0.08, 0.06, 0.07], 0.25, 0.17, 1e-3)]

    def whole(steps):
        started = time.perf_counter()
        new = agents.incidence(VenueTheta(*values), steps=steps)
        middle = time.perf_counter()
        new.sum().backward()
        return middle - started, time.perf_counter() - middle

    whole(2)
    forward, backward = whole(60)
    mib = peak_mib()
    return [
        Row(
            "differentiable_8m", forward + backward, "s", f"forward alone, {forward:.1f} s", 1 + backward / forward, mib
        ),
        Row("differentiable_8m_memory", mib, "MiB", "limit of 16384 MiB", mib / 16_384, mib),
    ]


def city_180d(scale=1.0):
    """Run the example's 180 days, all settings and interventions, in New York City: from its columns to its series.

    The city is built first, in a process of its own, or taken from the user's cache. Where its tables are not at hand,
    a generated look-alike takes its place, and the row says so.
    """
    nyc = all(catalogue.where(name) for name in DATA)
    kind = "nyc" if nyc else "look_alike"
    build = f"open_population(PopulationConfig(kind={kind!r}, agents={round(AGENTS * scale)}), beside=Path())"
    source = "from lpm_secure.populations.source import PopulationConfig, open_population"
    code = f"from pathlib import Path; {source}; {build}"
    subprocess.run([sys.executable, "-c", code], check=True)
    config = load_city(EXAMPLE)
    beta = {name: value for name, value in config.disease.beta.items() if nyc or name != "quarters"}
    config = replace(
        config,
        disease=replace(config.disease, beta=beta),
        population=replace(config.population, kind=kind, agents=round(AGENTS * scale)),
        engine=replace(config.engine, threads=THREADS),
        checkpoint=CheckpointConfig(every_s=86_400.0),
    )
    started = time.perf_counter()
    population = open_population(config.population, beside=Path())
    ready = time.perf_counter() - started
    with tempfile.TemporaryDirectory() as folder:
        small = replace(config, days=100, population=replace(config.population, agents=2_000))
        run_city(small, open_population(small.population, beside=Path()), device=CPU, folder=Path(folder))  # compiles
        before = cpu_seconds()
        ran = run_city(config, population, device=CPU, folder=Path(folder))
        cpu_s = cpu_seconds() - before
    taken = ran.start_s + ran.days_s
    place = "New York City" if nyc else "generated look-alike"
    against = f"limit of 60 s; {place}, attack {ran.series.departure_share:.0%}, of it {ran.start_s:.0f} s to draw"
    mib = peak_mib()
    return [
        Row("city_180d", taken, "s", against, taken / 60, mib, cpu_s=cpu_s),
        Row("city_180d_memory", mib, "MiB", f"limit of 4096 MiB; {place}", mib / 4096, mib),
        Row("city_180d_open", ready, "s", "checksums of all columns, over the run", ready / taken, mib),
    ]


BENCHMARKS = {
    "graph_8m": graph_8m,
    "contact_limit": contact_limit,
    "growth": growth,
    "differentiable_8m": differentiable_8m,
    "city_180d": city_180d,
    "peers_1m": peers_1m,
}
