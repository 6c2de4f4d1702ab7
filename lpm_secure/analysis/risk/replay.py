"""The same weeks in the clear: for parity, and to see how far a twin is from a person who truly halves contacts."""

import numpy as np

from client_sdk.private.state import simulation_key
from lpm_secure.analysis.risk.personal import BEHAVIOURS, Personal
from lpm_secure.testbed.testbed import Testbed
from protocols.arithmetic.counters import Step
from protocols.arithmetic.fixed_point import I64
from protocols.models import State
from protocols.models.agent_model import AgentSource, StepInputs, decide
from protocols.releases.suppression import FIRST
from protocols.task.manifest import Simulation

Edges = tuple[I64, I64, I64, I64]  # day, speaker, listener, weight


def clear(testbed: Testbed) -> dict[str, Personal]:
    """Return every device's risk, from one simulation of all agents by slot, without client or share."""
    manifest = testbed.manifest
    first, last = _simulated(manifest, _start(testbed), _directed(testbed))
    found, at = {}, 0
    for client in manifest.clients:
        part = slice(at, at := at + len(client.agents))
        found[client.name] = Personal.of(first[part], last[part])
    return found


def replay_half_contacts(testbed: Testbed) -> dict[str, float]:
    """Return each person's risk where this person alone halves contacts, and others live with that.

    Person by person and world by world, the twin stands in the person's place, with the twin's draws and kept contacts,
    and speaks over them; everybody else is as in the run.
    """
    manifest = testbed.manifest
    n, start, edges = len(manifest.clients), _start(testbed), _directed(testbed)
    worlds = len(manifest.clients[0].agents) // BEHAVIOURS
    slots = np.arange(n * worlds * BEHAVIOURS).reshape(n, worlds, BEHAVIOURS)
    return {
        client.name: _replaced(manifest, start, edges, before=slots[place, :, 0], twin=slots[place, :, 1])
        for place, client in enumerate(manifest.clients)
    }


def _replaced(manifest: Simulation, start: State, edges: Edges, *, before: I64, twin: I64) -> float:
    """Return one person's risk with the twins in the person's place."""
    day, speaker, listener, weight = edges
    into = np.isin(listener, twin)
    elsewhere = ~into & ~np.isin(speaker, before) & ~np.isin(listener, before)
    keep = into | elsewhere
    changed = (
        np.concatenate([day[keep], day[into]]),
        np.concatenate([speaker[keep], listener[into]]),
        np.concatenate([listener[keep], speaker[into]]),
        np.concatenate([weight[keep], weight[into]]),
    )
    first, last = _simulated(manifest, start, changed)
    healthy = first[twin] == FIRST
    return float((last[twin][healthy] != FIRST).mean()) if healthy.any() else 0.0


def _start(testbed: Testbed) -> State:
    return testbed.manifest.model.agents.initial_state(_source(testbed.manifest), testbed.columns)


def _directed(testbed: Testbed) -> Edges:
    """Return contacts in both directions, without those that listeners would speak over."""
    table = testbed.contacts
    rows = [np.concatenate(pair) for pair in ((table.a, table.b), (table.b, table.a))]
    speaks = ~np.isin(rows[0], testbed.listeners)
    day, weight = (np.tile(row, 2)[speaks] for row in (table.day, table.weight))
    return day, rows[0][speaks], rows[1][speaks], weight


def _simulated(manifest: Simulation, start: State, edges: Edges) -> tuple[I64, I64]:
    """Return all agents' stages on the first and on the last day."""
    model, state, n = manifest.model.agents, start, start["stage"].size
    nothing, cells = np.zeros((n, len(model.outcomes)), dtype=np.int64), np.zeros((n, len(model.cell_most)), np.int64)
    levels, days = nothing, [tuple(row[edges[0] == day] for row in edges[1:]) for day in range(manifest.period)]
    for step in range(manifest.steps):
        says = model.messages(state)[:, 0]
        speaker, listener, weight = days[step % manifest.period]
        heard = np.zeros((n, 1), dtype=np.int64)
        np.add.at(heard[:, 0], listener, says[speaker] * weight)
        levels = levels + model.increments(heard, nothing) * model.weights(state)
        decided = decide(model.outcomes, levels, model.thresholds(state))
        inputs = StepInputs(Step(step), heard, nothing, cells, cells[:, 0], decided)
        state, anew = model.update(state, inputs, _source(manifest))
        levels = np.where(anew, 0, levels)
    return np.asarray(start["stage"]), np.asarray(state["stage"])


def _source(manifest: Simulation) -> AgentSource:
    agents = np.array([agent for client in manifest.clients for agent in client.agents], dtype=np.uint64)
    return AgentSource(agents, simulation_key(manifest))
