"""CPU seconds of what a masked step consists of: hashes, signatures, masks, comparisons, encoding, proofs, sums."""

import contextlib
import cProfile
import pstats
import time
from collections import Counter

KINDS = {  # of the first that has a word of a function's file or name
    "hashes": ("_hashlib", "'_sha", "HASH", "hmac"),
    "signatures": ("ed25519", "signing.py"),
    "masks": ("CipherContext", "create_encryption_ctx", "masking/words.py", "masking/pads.py"),
    "comparisons": ("masking/trees/", "masking/comparison"),
    "encoding": ("msgpack", "tobytes", "frombuffer", "masking/messages.py", "masking/envelope.py", "attachment.py"),
    "proofs": ("masking/kernels/", "folding.py", "range_proof.py", "extension_field.py", "transcript.py", "ranges.py"),
    "sums": ("masking/sums.py", "on_shares/levels.py", "layout.py"),
}
OTHER = "the rest"


@contextlib.contextmanager
def cpu_by_part():
    """Yield the CPU seconds that go into each part until the end, each second once; the profiler's own are among them.

    What an operation on arrays takes counts for the function that writes it down.
    """
    used, profile = Counter(dict.fromkeys([*KINDS, OTHER], 0.0)), cProfile.Profile(time.process_time)
    with profile:
        yield used
    for (file, _, name), (_, _, own, _, _) in pstats.Stats(profile).stats.items():
        used[next((kind for kind, words in KINDS.items() if any(each in file + name for each in words)), OTHER)] += own
