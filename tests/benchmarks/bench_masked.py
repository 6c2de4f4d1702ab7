"""`masked_workplace` to `masked_1m`: a step of the masked backend, all parties one after the other in this process.

CPU seconds are told by party and, in a run of its own, by what they go into. Every message is taken apart between two
parties, so each hashes what it receives, as in processes of their own. What is not here: sealing, TLS, and the parts
of clients and engine outside of the protocol.
"""

import contextlib
import time
from collections import Counter
from functools import cache, partial

import numpy as np
from cpu_parts import cpu_by_part
from measure import Row, cpu_seconds, peak_mib

import aggregator.masking.carry.choice as fields
import aggregator.masking.trees.choice as trees
import protocols.masking.kernels.choice as kernels
from aggregator.masking.aggregator import MaskingAggregator
from aggregator.masking.carry.circuit import carry_circuit
from aggregator.masking.dealer import MaskingDealer
from client_sdk.masking.masking_client import MaskingClient
from lpm_secure.models.library.seir import SeirModel
from lpm_secure.models.tracer import trace
from lpm_secure.testbed.masked_run import MaskedRun
from protocols.masking.envelope import SignedMessage
from protocols.models.graph.agents import GraphModel
from protocols.task.manifest import SimulationManifest
from protocols.task.parties import AggregatorParty, ClientParty, DealerParty

sent = Counter()  # bytes that parties have sent since the last step began
LIMIT_MS = 78.0  # of a small step of parties side by side: 1.2 times that of the CrypTen backend
CLIENTS = 20
WAY_S = 0.01  # of a message: half of a round trip
SIZES = (1_000, 10_000, 100_000)
PARTS = {"clients": MaskingClient, "aggregators": MaskingAggregator, "dealer": MaskingDealer}
CALLS = {
    *("join", "message", "open"),
    *("receive", "offer", "lacking", "close", "confirm", "ask_proofs", "judge", "accept", "ask_release", "release"),
    *("share_openings", "open_openings", "ask_openings", "judge_openings", "ask_bits", "open_bits", "replies", "ask"),
}


def manifest(n, clients, **changes):
    """Return a run of two steps, whose n agents are spread over clients evenly."""
    traced = trace(SeirModel)
    model = GraphModel(traced.graph, traced.parameters)
    owners = np.array_split(np.arange(n), clients)
    return SimulationManifest(
        name="masked",
        model=model,
        model_hash=model.digest,
        steps=2,
        channels=model.contact_channels,
        max_message=4,
        aggregators=tuple(AggregatorParty(f"a{i}", f"localhost:{i + 1}", f"localhost:{i + 50}") for i in (0, 1)),
        dealer=DealerParty("dealer", "localhost:99"),
        clients=tuple(ClientParty(f"c{index}", tuple(own.tolist())) for index, own in enumerate(owners)),
        min_cohort=1,
        testbed_seed=1,
        **changes,
    )


def deliver(sender, receiver, message):
    """Return a message as its receiver reads it from bytes: nothing is known of it; its bytes are counted."""
    sent[sender] += len(message.content) + sum(map(len, message.parts))
    return SignedMessage(message.sender, message.content, message.nonce, message.signature, message.parts)


@contextlib.contextmanager
def parts():
    """Yield the CPU seconds that go by in each part's calls from now on."""
    used, before = Counter(), {kind: dict(vars(kind)) for kind in PARTS.values()}

    def meter(part, call, *given, **named):
        started = cpu_seconds()
        try:
            return call(*given, **named)
        finally:
            used[part] += cpu_seconds() - started

    def bind(part, call):
        return lambda *given, **named: meter(part, call, *given, **named)

    for part, kind in PARTS.items():
        for name in filter(partial(hasattr, kind), CALLS):
            setattr(kind, name, bind(part, getattr(kind, name)))
    try:
        yield used
    finally:
        for kind, members in before.items():
            for name in vars(kind).keys() & CALLS:
                if name in members:
                    setattr(kind, name, members[name])
                else:
                    delattr(kind, name)


def step(n, clients, metered=parts, **changes):
    """Return the seconds of the second step, and what a meter says of it; all words are 0."""
    run = MaskedRun.draw(manifest(n, clients, **changes), between=deliver).start()
    plan = run.plan
    tally = np.zeros((clients, plan.layout.q), np.int64)
    tally[:, 0] = [plan.layout.size(name) for name in plan.names]
    nothing = np.zeros((plan.layout.n, plan.layout.c), np.int64), np.zeros(plan.layout.cells, np.int64)
    spoken = {name: plan.layout.pack(*nothing, own) for name, own in zip(plan.names, tally, strict=True)}
    own = [{name: np.zeros(plan.count(name, number), np.uint64) for name in plan.names} for number in (0, 2)]
    for words in (own[0], spoken, own[1]):
        run.play(words)
    sent.clear()
    started = time.perf_counter()
    with metered() as used:
        run.play(spoken)
        run.play(own[1])
    return time.perf_counter() - started, used


@contextlib.contextmanager
def on_numpy():
    """Compute as parties without numba do."""
    chosen = {choice: choice.fastest for choice in (kernels, trees, fields)}
    for choice in chosen:
        choice.fastest = cache(partial(getattr, choice, "_NUMPY"))
    try:
        yield
    finally:
        for choice, fastest in chosen.items():
            choice.fastest = fastest


def small(name, n, clients):
    """Take a step of few agents."""
    step(2**14, 2)  # compiles, and loads what was compiled
    wall, used = step(n, clients)
    against = f"the limit of a small step of parties side by side, {LIMIT_MS:.0f} ms"
    return [Row(name, wall * 1e3, "ms", against, wall * 1e3 / LIMIT_MS, cpu_s=sum(used.values()))]


def large(name, n, *, limit_s=None):
    """Take a step of many agents in 20 institutions, beside the same on numpy or, where that is too long, a limit."""
    step(2**14, 2)  # compiles, and loads what was compiled
    _, used = step(n, CLIENTS)
    peak, each = peak_mib(), sum(sent.values()) / n
    _, kinds = step(n, CLIENTS, cpu_by_part)
    if limit_s is None:
        with on_numpy():
            _, peer = step(n, CLIENTS)
        against = "parties without numba"
    else:
        peer, against = dict.fromkeys(PARTS, limit_s), f"the limit of all parts together, {limit_s:g} s"
    whole = sum(peer.values()) if limit_s is None else limit_s
    rows = [Row(name, sum(used.values()), "CPU s", against, sum(used.values()) / whole, peak, cpu_s=sum(used.values()))]
    rows += [Row(f"{name} {part}", used[part], "CPU s", against, used[part] / peer[part], peak) for part in PARTS]
    rows.append(Row(f"{name} messages", each, "B/agent/step", "one word of 8 bytes", each / 8))
    step(2**14, 2, comparison="tree")  # compiles, and loads what was compiled
    _, tree = step(n, CLIENTS, comparison="tree")
    by_a_tree, ratio = sum(sent.values()) / n, sum(tree.values()) / sum(used.values())
    rows.append(Row(f"{name} by a tree", sum(tree.values()), "CPU s", "by keys", ratio, peak_mib()))
    rows += [Row(f"{name} by a tree {part}", tree[part], "CPU s", "by keys", tree[part] / used[part]) for part in PARTS]
    rows.append(Row(f"{name} by a tree messages", by_a_tree, "B/agent/step", "by keys", by_a_tree / each))
    profiled = sum(kinds.values())
    against = "all of a step under the profiler"
    return rows + [
        Row(f"{name} {kind}", seconds, "CPU s", against, seconds / profiled) for kind, seconds in kinds.items()
    ]


def costs(n, **changes):
    """Return the CPU seconds of all parties in a step, the bytes of all, and of the server that sends most."""
    _, used = step(n, CLIENTS, **changes)
    return sum(used.values()), sum(sent.values()), max(sent[name] for name in ("a0", "a1", "dealer"))


def break_even():
    """Take steps by keys and by a tree: bytes, CPU seconds, and the speed of each server's link below which trees win.

    Parties compute on two cores and send over links, one message at a time, half of a round trip of 20 ms each.
    """
    tree, rows = {"comparison": "tree"}, []
    for changes in ({}, tree):
        step(2**14, 2, **changes)  # compiles, and loads what was compiled
    more_s = (len(carry_circuit(49).opened) + 6) * WAY_S  # of messages one after the other
    for n in SIZES:
        (keys_s, keys, most), (tree_s, opened, least) = costs(n), costs(n, **tree)
        name, slower_s = f"masked_break_even {n}", (tree_s - keys_s) / 2 + more_s
        speed = (most - least) * 8e-6 / slower_s if slower_s > 0 else np.inf
        against = f"by keys, {keys / n:.0f} B", f"by keys, {keys_s:.3g} CPU s"
        rows.append(Row(f"{name} messages", opened / n, "B/agent/step by a tree", against[0], opened / keys))
        rows.append(Row(name, tree_s, "CPU s by a tree", against[1], tree_s / keys_s))
        rows.append(Row(f"{name} links", speed, "Mbit/s, below which a tree is faster", "1,000 Mbit/s", speed / 1_000))
    return rows


BENCHMARKS = {
    "masked_break_even": break_even,
    "masked_workplace": lambda: small("masked_workplace", 217, 12),
    "masked_10k": lambda: small("masked_10k", 10_000, CLIENTS),
    "masked_100k": lambda: large("masked_100k", 100_000),
    "masked_1m": lambda: large("masked_1m", 1_000_000, limit_s=12.0),
}
