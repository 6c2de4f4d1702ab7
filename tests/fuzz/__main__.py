"""Fuzz one target, with a limit on time and memory: `python tests/fuzz NAME -max_total_time=600`.

Further arguments are libFuzzer's; the corpus is kept in build/fuzz/NAME. Without a name, lists the targets.
"""

import logging
import sys
from pathlib import Path

import atheris

BUILD = Path(__file__).parent.parent.parent / "build" / "fuzz"
LIMITS = ["-rss_limit_mb=2048", "-malloc_limit_mb=512", "-timeout=20", "-max_len=16384"]

with atheris.instrument_imports(include=["protocols", "aggregator", "client_sdk", "targets", "calls"]):
    import calls
    from seeds import SEEDS
    from targets import TARGETS


def main():
    """Parse, fuzz; libFuzzer ends the process."""
    if len(sys.argv) < 2 or sys.argv[1] not in TARGETS:
        print(f"fuzz: name one of {', '.join(TARGETS)}", file=sys.stderr)
        return 2
    logging.disable(logging.CRITICAL)
    name = sys.argv[1]
    corpus = BUILD / name
    corpus.mkdir(parents=True, exist_ok=True)
    for number, seed in enumerate(SEEDS[name]()):
        (corpus / f"seed-{number}").write_bytes(seed)
    artifacts = f"-artifact_prefix={BUILD}/{name}-"
    print(f"fuzz: {name}, with runs served as {calls.CALLERS[4]}", file=sys.stderr)
    atheris.Setup([sys.argv[0], *LIMITS, artifacts, *sys.argv[2:], str(corpus)], TARGETS[name])
    atheris.Fuzz()
    return 0


if __name__ == "__main__":
    sys.exit(main())
