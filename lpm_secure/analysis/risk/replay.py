"""The same weeks in the clear: for parity, and to see how far a twin is from a person who truly halves contacts."""

from dataclasses import replace

import numpy as np

from client_sdk.private.state import simulation_keys
from lpm_secure.analysis.risk.personal import BEHAVIOURS, Personal
from lpm_secure.testbed.testbed import Testbed
from protocols.arithmetic.counters import Step
from protocols.arithmetic.fixed_point import I64
from protocols.models.agent_model import AgentSource, StepInputs, decide
from protocols.releases.suppression import FIRST

Edges = tuple[I64, I64, I64, I64]  # day, speaker, listener, weight


def clear(testbed: Testbed) -> dict[str, Personal]:
    """Return every device's risk, from a simulation of each world by itself, by slot, without client or share."""
    each = [stages(own, list_edges(testbed)) for own in testbed.replicates]
    first, last = (np.concatenate(days, axis=1) for days in zip(*each, strict=True))
    return {
        client.name: Personal.of(first[own].reshape(-1), last[own].reshape(-1))
        for client, own in zip(testbed.manifest.clients, _slots(testbed), strict=True)
    }


def replay_half_contacts(testbed: Testbed) -> dict[str, float]:
    """Return each person's risk where this person alone halves contacts, and others live with that.

    Person by person, in all worlds at once, the twin stands in the person's place, with the twin's contacts, and speaks
    over them; everybody else is as in the run.
    """
    edges = list_edges(testbed)
    return {
        client.name: _risk_of_twin(testbed, edges, *own.tolist())
        for client, own in zip(testbed.manifest.clients, _slots(testbed), strict=True)
    }


def _slots(testbed: Testbed) -> I64:
    """Return the slots of each device's agents, int64[devices, 2]."""
    return np.arange(BEHAVIOURS * len(testbed.manifest.clients)).reshape(-1, BEHAVIOURS)


def _risk_of_twin(testbed: Testbed, edges: Edges, person: int, twin: int) -> float:
    """Return one person's risk with the twin in the person's place."""
    day, speaker, listener, weight = edges
    into = listener == twin
    keep = into | (speaker != person) & (listener != person)
    changed = (
        np.concatenate([day[keep], day[into]]),
        np.concatenate([speaker[keep], listener[into]]),
        np.concatenate([listener[keep], speaker[into]]),
        np.concatenate([weight[keep], weight[into]]),
    )
    first, last = stages(testbed, changed)
    healthy = first[twin] == FIRST
    return float((last[twin][healthy] != FIRST).mean()) if healthy.any() else 0.0


def list_edges(testbed: Testbed) -> Edges:
    """Return contacts in both directions, without those that listeners would speak over."""
    table = testbed.contacts
    rows = [np.concatenate(pair) for pair in ((table.a, table.b), (table.b, table.a))]
    speaks = ~np.isin(rows[0], testbed.listeners)
    day, weight = (np.tile(row, 2)[speaks] for row in (table.day, table.weight))
    return day, rows[0][speaks], rows[1][speaks], weight


def stages(testbed: Testbed, edges: Edges) -> tuple[I64, I64]:
    """Return all agents' stages on the first and on the last day in each world, int64[n, worlds] each."""
    manifest = testbed.manifest
    model, copies, source = manifest.model.agents, manifest.copies, _source(testbed)
    state = model.initial_state(source, {name: np.repeat(each, copies) for name, each in testbed.columns.items()})
    begun, n = np.array(state["stage"]), source.agents.size
    nothing, cells = np.zeros((n, len(model.outcomes)), dtype=np.int64), np.zeros((n, len(model.cell_most)), np.int64)
    levels, days = nothing, [tuple(row[edges[0] == day] for row in edges[1:]) for day in range(manifest.period)]
    for step in range(manifest.steps):
        says = model.messages(state)[:, 0].reshape(-1, copies)
        speaker, listener, weight = days[step % manifest.period]
        heard = np.zeros_like(says)
        np.add.at(heard, listener, says[speaker] * weight[:, None])
        contact = heard.reshape(-1, 1)
        levels = levels + model.increments(contact, nothing) * model.weights(state)
        decided = decide(model.outcomes, levels, model.thresholds(state))
        inputs = StepInputs(Step(step), contact, nothing, cells, cells[:, 0], decided)
        state, anew = model.update(state, inputs, source)
        levels = np.where(anew, 0, levels)
    return begun.reshape(-1, copies), np.asarray(state["stage"]).reshape(-1, copies)


def _source(testbed: Testbed) -> AgentSource:
    """Return by what all agents draw, each once for each world."""
    one, manifest = testbed.source_of_draws, testbed.manifest
    if manifest.copies == 1:
        return one
    keys = simulation_keys(manifest.testbed_seed, manifest.copies, None, one.agents.size)
    return replace(one, agents=np.repeat(one.agents, manifest.copies), key=keys)
