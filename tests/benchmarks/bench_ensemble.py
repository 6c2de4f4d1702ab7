"""Many seeds against the same runs one by one: at once on one graph (`ensemble_512`, `ensemble_1m`), or over processes.

Every model of the library whose messages are 0 or 1, among agents with ten contacts each, and in cells of 23 where it
has some: 100,000 agents, or a million, which takes half an hour. The ratio is CPU time a run, the setting up and
compiling of each included, but for the compiled loops of the single runs, which are kept on disk.

`ensemble_processes` is of the library's model whose messages are more than 0 or 1, as any other that is not computed at
once: seconds with one process over those with two, their start included, with the same bits. A busy machine has no two
cores to give: the second row says what two free ones would, by CPU seconds of the busier process, its start included.
"""

import os
import time
from pathlib import Path

import numpy as np
from measure import Busiest, Row, cpu_seconds, peak_mib, reset_peak

import lpm_secure as lpm
from lpm_secure.engine.bitslice.agents import LaneAgents
from lpm_secure.engine.venues.agents import VenueAgents
from tests.lane_worlds import MODELS, lane_model, world

AGENTS, DAYS, LANES, SINGLE = 1_000_000, 100, 512, 3
DEGREE, TIMES, LIMIT_MIB = 10, 5, 4096
CITY, SEEDS, FASTER = 1_000_000, 40, 1.8
EXAMPLE = Path(__file__).parents[2] / "examples" / "city.toml"


def single_run(given, days, seed):
    """Return the totals at the end of a run that is computed by itself, and its CPU seconds."""
    graph, parameters, channels, columns = given
    before = time.process_time()
    agents = VenueAgents(graph, parameters, channels, key=(seed, 1), columns=columns, steps=days)
    for _ in range(days):
        agents.update()
    return agents.tally(), time.process_time() - before


def many_runs(given, days):
    """Return the totals at the end of runs that are computed at once, and the CPU seconds of one of them."""
    before = time.process_time()
    agents = LaneAgents(lane_model(given, days), lanes=LANES, key=b"benchmark")
    for _ in range(days):
        agents.update()
    return agents.totals, (time.process_time() - before) / LANES


def ensembles(name, n, models=MODELS):
    """Run 512 seeds through 100 days at once, and some one by one, of each model among `n` agents."""
    rows = []
    for kind in models:
        given = world(kind, n=n, contacts=True, degree=DEGREE)
        single_run(world(kind, n=2_000, contacts=True, degree=DEGREE), 5, 0)  # compiles
        single = [single_run(given, DAYS, seed) for seed in range(SINGLE)]
        reset_peak()
        totals, many_s = many_runs(given, DAYS)
        mib, single_s = peak_mib(), min(cpu_s for _, cpu_s in single)
        ends = np.array([total for total, _ in single])
        differs = np.abs(totals.mean(axis=0) - ends.mean(axis=0)) / np.maximum(totals.std(axis=0), 0.5)
        against = (
            f"a run by itself, {single_s:.3f} CPU s: {single_s / many_s:.1f} times as much; limit of {TIMES} times"
        )
        against += f"; ends differ by {differs.max() * np.sqrt(SINGLE):.1f} standard errors"
        rows.append(Row(f"{name}_{kind.__name__}", many_s, "CPU s a run", against, many_s / single_s, mib))
    most = max(row.peak_mib for row in rows)
    rows.append(Row(f"{name}_memory", most, "MiB", f"limit of {LIMIT_MIB} MiB", most / LIMIT_MIB, most))
    return rows


def ensemble_512(scale=0.1):
    """Measure all models among 100,000 agents."""
    return ensembles("ensemble_512", round(AGENTS * scale))


def ensemble_1m():
    """Measure all models among a million agents."""
    return ensembles("ensemble_1m", AGENTS)


def ensemble_processes():
    """Run seeds of the staged disease of `examples/city.toml` in a made-up city in one process, and over two."""
    rates = dict.fromkeys(("household", "school", "workplace", "community"), 0.12)
    made_up = {"population.kind": "look_alike", "population.agents": CITY, "days": DAYS, "disease.beta": rates}
    city = lpm.load(EXAMPLE).with_(made_up)
    city.run(seeds=1, workers=1)  # compiles, and builds the population
    begun, begun_cpu = time.perf_counter(), cpu_seconds()
    alone = city.run(seeds=SEEDS, workers=1)
    one_s, one_cpu_s = time.perf_counter() - begun, cpu_seconds() - begun_cpu
    with Busiest() as busiest:
        begun = time.perf_counter()
        beside = city.run(seeds=SEEDS, workers=2)
        two_s = time.perf_counter() - begun
    if alone.hashes != beside.hashes:
        raise RuntimeError("runs over processes have other bits")
    load = f"load {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores"
    against = f"one process, {one_s:.1f} s: {one_s / two_s:.2f} times as fast; at least {FASTER} times ({load})"
    free = f"one process, {one_cpu_s:.1f} CPU s: {one_cpu_s / busiest.cpu_s:.2f} times as fast on two free cores"
    return [
        Row("ensemble_processes", two_s, "s", against, two_s / one_s),
        Row("ensemble_processes_cpu", busiest.cpu_s, "CPU s of the busier", free, busiest.cpu_s / one_cpu_s),
    ]


BENCHMARKS = {"ensemble_512": ensemble_512, "ensemble_1m": ensemble_1m, "ensemble_processes": ensemble_processes}
