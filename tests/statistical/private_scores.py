"""The gradient of `examples/private_score.toml` from scores of many seeds, held against differences: a table.

    python -m tests.statistical.private_scores --scores 900 --differences 80

Runs are in the clear; a private run of the same seed opens the same words, as `lpm run` prints: gradient parity:
identical. Differences are of the runs themselves with the same draws, every parameter moved to either side by a tenth
of itself, or of its complement where that is less.
"""

import argparse
import asyncio
import dataclasses
from pathlib import Path

import msgspec
import numpy as np
import torch

from lpm_secure.config import simulation
from lpm_secure.engine.loop import ClearPart, simulate
from lpm_secure.gradients.private.score import ClearScores, simulate_scores
from lpm_secure.run.jobs import local_testbed
from lpm_secure.testbed.synthetic import cells_of, draw_columns
from protocols.models.graph.agents import GraphModel

EXAMPLE = Path(__file__).parents[2] / "examples" / "private_score.toml"
CPU, OUTPUTS, FIRST_DIFFERENCE = torch.device("cpu"), ("EMPLOYED", "UNEMPLOYED", "payments"), 10_001


def seeded(base, ranges, seed, **changes):
    """Return the testbed of another seed: the same contacts, and other people in other cells."""
    manifest = msgspec.structs.replace(base.manifest, testbed_seed=seed, **changes)
    agents = np.array([agent for client in manifest.clients for agent in client.agents], dtype=np.uint64)
    columns = draw_columns(manifest, agents, ranges)
    return dataclasses.replace(base, manifest=manifest, cell=cells_of(agents, manifest), columns=columns)


def outputs_of(series):
    """Return both jobs' counts at the end, and all that was paid."""
    total, names = series.counts.sum(axis=1), series.names
    return [*(total[-1, names.index(each)] for each in OUTPUTS[:2]), total[:, names.index(OUTPUTS[2])].sum()]


def scored(testbed):
    """Return a run's outputs and its score."""
    part = ClearScores(testbed.manifest, testbed.clear_agents(CPU))
    found = asyncio.run(simulate_scores(testbed.manifest, part, testbed.synthetic_agents(CPU)))
    return outputs_of(found.series), found.score


def moved(base, ranges, seed, name, value):
    """Return the outputs of a run with one parameter moved."""
    model = base.manifest.model
    model = GraphModel(model.graph, model.parameters | {name: round(value * 2**32)})
    testbed = seeded(base, ranges, seed, model=model, gradient=None)
    part = ClearPart(testbed.manifest, testbed.clear_agents(CPU))
    return np.array(outputs_of(asyncio.run(simulate(testbed.manifest, part, testbed.synthetic_agents(CPU)))))


def gradient_of(outputs, scores):
    """Return derivatives of mean outputs, and their standard errors, from independent runs.

    Args:
        outputs: float64[runs, k], any outputs of each run.
        scores: float64[runs, p], its score.

    Returns:
        float64[k, p] twice: the sample covariance, whose own mean is the baseline, and the error of that.
    """
    centred = outputs - outputs.mean(axis=0)
    runs, products = len(outputs), centred[:, :, None] * (scores - scores.mean(axis=0))[:, None, :]
    estimate = products.sum(axis=0) / (runs - 1)
    error = products.std(axis=0, ddof=1) / np.sqrt(runs)
    return estimate, error


def main():
    """Print the ratio of both for each parameter and output."""
    parser = argparse.ArgumentParser(prog="python -m tests.statistical.private_scores")
    parser.add_argument("--scores", type=int, default=900, help="seeds, from 1 on")
    parser.add_argument("--differences", type=int, default=80, help="seeds, others")
    asked, config = parser.parse_args(), simulation.load(EXAMPLE)
    base, ranges, names = local_testbed(config), config.private.columns, config.gradient.parameters
    runs = [scored(seeded(base, ranges, seed)) for seed in range(1, 1 + asked.scores)]
    value, error = gradient_of(*(np.array(each, dtype=np.float64) for each in zip(*runs, strict=True)))
    for p, name in enumerate(names):
        at = base.manifest.model.parameters[name] / 2**32
        step = 0.1 * min(at, 1 - at)
        seeds = range(FIRST_DIFFERENCE, FIRST_DIFFERENCE + asked.differences)
        ends = [[moved(base, ranges, seed, name, at + way * step) for way in (1, -1)] for seed in seeds]
        each = np.array([(up - down) / (2 * step) for up, down in ends])
        truth, spread = each.mean(axis=0), each.std(axis=0, ddof=1) / np.sqrt(len(each))
        ratio = value[:, p] / truth
        wide = np.hypot(error[:, p], ratio * spread) / np.abs(truth)
        print(f"| {name} | " + " | ".join(f"{r:.2f} ± {w:.2f}" for r, w in zip(ratio, wide, strict=True)) + " |")


if __name__ == "__main__":
    main()
