"""CPU seconds of what a masked step consists of: masks, proofs, comparisons, encoding, hashes, signatures."""

import cProfile
import pstats
import time
from collections import Counter

KINDS = (  # the first of them that a function's file or name has
    ("hashes", ("_hashlib", "'_sha", "HASH", "hmac")),
    ("signatures", ("ed25519", "signing.py")),
    ("masks", ("CipherContext", "create_encryption_ctx", "protocols/masking/words.py", "protocols/masking/pads.py")),
    ("comparison", ("masking/trees/", "masking/comparison")),
    ("encoding", ("msgpack", "tobytes", "frombuffer", "masking/messages.py", "masking/envelope.py", "attachment.py")),
    (
        "proofs",
        ("masking/kernels/", "folding.py", "range_proof.py", "extension_field.py", "transcript.py", "ranges.py"),
    ),
    ("sums", ("masking/sums.py", "on_shares/levels.py", "layout.py")),
)
OTHER = "other"


def kind_of(file, name):
    """Return which part a function belongs to."""
    return next((kind for kind, words in KINDS if any(word in file or word in name for word in words)), OTHER)


def cpu_by_part(play):
    """Return the CPU seconds of this process in each part of a call, each second once; the profiler's own are there.

    What an array operation takes counts for the function that writes it down.
    """
    profile = cProfile.Profile(time.process_time)
    profile.runcall(play)
    used = Counter({kind: 0.0 for kind, _ in KINDS})
    for (file, _, name), (_, _, own, _, _) in pstats.Stats(profile).stats.items():
        used[kind_of(file, name)] += own
    return used
