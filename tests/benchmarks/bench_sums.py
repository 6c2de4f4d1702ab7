"""`sums_1k` and `sums_100k`: a sum of 12 institutions' vectors with a dealer, beside shares and group testing.

All parties are one after the other in this process. Bytes are of vectors, proofs and sums between parties; what carries
and seals them is not here. A round with garbage opens sums over groups, where a dealer's names who it was at once.
"""

from collections import Counter
from functools import partial

import numpy as np
from measure import Row, cpu_seconds

from client_sdk.secure_sum.fixed_vector import FixedVector
from lpm_secure.secure_sum.in_process import InProcessSum
from lpm_secure.secure_sum.parties import NOWHERE, manifest_for
from protocols.masking.envelope import SignedMessage

NAMES, MIN_COHORT, WORD = tuple(f"c{index}" for index in range(12)), 5, 8
LIAR = NAMES[4]


def sums(entries, *, dealer):
    """Return a run of sums, and the bytes that are sent in it, by kind of sender; nothing where none are counted."""
    rng, sent = np.random.default_rng(1), Counter()
    institutions = {name: FixedVector(rng.normal(0.0, 1.0, (entries,))) for name in NAMES}
    given = {"rounds": 4, "min_cohort": MIN_COHORT, "dealer": NOWHERE if dealer else None}
    run = InProcessSum(manifest_for(NAMES, (entries,), [NOWHERE] * 2, **given), institutions)

    def count(sender, receiver, message):
        sent["clients" if sender in NAMES else "servers"] += len(message.content)
        return SignedMessage(message.sender, message.content, message.nonce, message.signature, message.parts)

    if dealer:
        run._backend._run.between = count
    return run, sent


def play(entries, *, dealer, garbage=False):
    """Return the CPU seconds and the bytes of a second round."""
    run, sent = sums(entries, dealer=dealer)
    announced = np.zeros(entries)
    run.open(announced)
    if garbage:
        run.garbage = {LIAR: lambda words: np.full_like(words, 2**50)}
    sent.clear()
    opened, used = run.openings, cpu_seconds()
    told = run.open(announced)
    assert (LIAR in told.refused) is garbage
    used = cpu_seconds() - used
    if not dealer:  # shares to one aggregator, of zeros too; from each one its share of a sum, and what all are told
        vectors = run.openings - opened + 2 * (len(NAMES) + 1)
        sent |= {"clients": 2 * len(NAMES) * WORD * entries, "servers": 2 * vectors * WORD * entries}
    return used, sent


def compare(name, entries):
    """Return rows of a sum with a dealer, beside one of two aggregators."""
    play(entries, dealer=True)  # compiles, and loads what was compiled
    rows = []
    for garbage, what in ((False, ""), (True, "_garbage")):
        used, sent = play(entries, dealer=True, garbage=garbage)
        peer_used, peer_sent = play(entries, dealer=False, garbage=garbage)
        against = "two aggregators that test groups"
        rows.append(Row(f"{name}{what}", used, "CPU s", against, used / peer_used, cpu_s=used))
        for part, count in sent.items():
            rows.append(Row(f"{name}{what}_{part}", count / 1e6, "MB", against, count / peer_sent[part]))
    return rows


BENCHMARKS = {"sums_1k": partial(compare, "sums_1k", 1_000), "sums_100k": partial(compare, "sums_100k", 100_000)}
