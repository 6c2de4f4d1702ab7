"""What recipients' knowledge gives away, kept as a regression: nearly everything in sum mode, hardly anything else.

The attacker of these tests is stronger than any single client: it holds the whole contact graph and what *all*
recipients were told in a whole run, and asks in each step who is infectious.
"""

import msgspec
import numpy as np
import pytest

from lpm_secure.config.simulation import load
from lpm_secure.data import look_alike
from lpm_secure.testbed.testbed import build
from tests.epidemics import Stage

STEPS = 30


@pytest.fixture(scope="module")
def run():
    """Return the contacts by day, int64[days, n, n], and every agent's stage before each step, int8[STEPS, n]."""
    from pathlib import Path

    import torch

    config = load(Path(__file__).parents[2] / "examples" / "workplace.toml")
    config = msgspec.structs.replace(config, steps=STEPS, synthetic=msgspec.structs.replace(config.synthetic, agents=0))
    testbed = build(config, look_alike.look_alike(1), ["localhost:1"] * config.protocol.addresses)
    table, n = testbed.contacts, testbed.cell.size
    contacts = np.zeros((testbed.manifest.period, n, n), dtype=np.int64)
    for a, b in ((table.a, table.b), (table.b, table.a)):
        np.add.at(contacts, (table.day, a, b), table.weight)
    agents = testbed.clear_agents(torch.device("cpu"))
    stages = []
    for step in range(STEPS):
        stages.append(agents.state["stage"].copy())
        agents.update(agents.cell_totals(), step=step)
    return contacts, np.array(stages)


def auc(score, truth):
    """Return the probability that an infectious agent has a higher score than another one; ties count half."""
    order = np.argsort(np.argsort(score, kind="stable"), kind="stable").astype(float)
    for value in np.unique(score):
        order[score == value] = order[score == value].mean()
    positives = truth.sum()
    return (order[truth].sum() - positives * (positives - 1) / 2) / (positives * (truth.size - positives))


def test_exact_sums_and_the_graph_give_nearly_every_state_away(run, capsys):
    contacts, stages = run
    right = total = 0
    for step, stage in enumerate(stages):
        graph, infectious = contacts[step % len(contacts)], (stage == Stage.I).astype(np.int64)
        told = graph @ infectious  # what sum mode tells all recipients together
        met = graph.any(axis=0)
        guess, *_ = np.linalg.lstsq(graph[:, met].astype(float), told.astype(float), rcond=None)
        right += int(((guess > 0.5) == infectious[met].astype(bool)).sum())
        total += int(met.sum())
    with capsys.disabled():
        print(f"\nsum mode: {right / total:.1%} of all states by least squares")
    assert right / total > 0.97


def test_the_bits_of_outcome_mode_tell_a_stranger_little_about_who_is_infectious(run, capsys):
    """From all *other* agents' bits, score each agent by how much contact it had with those infected next.

    An agent's own bit is its client's to know. The prior is the score without the graph: chance, 0.5.
    """
    contacts, stages = run
    scores, truths, exact = [], [], []
    for step in range(STEPS - 1):
        graph, infectious = contacts[step % len(contacts)], stages[step] == Stage.I
        newly = (stages[step + 1] == Stage.E) & (stages[step] == Stage.S)  # all that outcome mode tells of the step
        met = graph.any(axis=0)
        told = graph @ infectious
        scores.append((graph[:, met].T @ newly) / graph[:, met].sum(axis=0))
        truths.append(infectious[met])
        exact.append(np.linalg.lstsq(graph[:, met].astype(float), told.astype(float), rcond=None)[0])
    truth = np.concatenate(truths)
    outcome, sums = auc(np.concatenate(scores), truth), auc(np.concatenate(exact), truth)
    with capsys.disabled():
        print(f"\ntelling infectious agents apart (0.5 is chance): sum mode {sums:.3f}, outcome mode {outcome:.3f}")
    assert sums > 0.97
    assert outcome < 0.6
