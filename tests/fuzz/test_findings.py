"""What fuzzing found stays found: every kept input, and every seed with simple damage, goes through its target.

Inputs that once broke something lie in `tests/fuzz/findings/TARGET/`, named for what they broke.
"""

import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parent


@pytest.fixture(scope="module")
def fuzz():
    """Return the targets and their seeds; their modules lie beside this one, as scripts do."""
    sys.path.insert(0, str(HERE))
    try:
        import seeds
        import targets

        return targets.TARGETS, seeds.SEEDS
    finally:
        sys.path.remove(str(HERE))


NAMES = ("wire", "inner", "manifest", "files", "request", "sealed", "settings", "tables", "frames", "servicer")


def damaged(seed):
    """Return a seed, cut, doubled, and with single bits flipped, in a few places."""
    step = max(len(seed) // 8, 1)
    cuts = [seed[:place] for place in range(0, len(seed), step)]
    flips = [seed[:p] + bytes([seed[p] ^ 1 << p % 8]) + seed[p + 1 :] for p in range(0, len(seed), step)]
    return [seed, seed + seed, *cuts, *flips]


def test_every_target_has_seeds(fuzz):
    targets, seeds = fuzz
    assert set(targets) == set(seeds) == set(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_seeds_and_their_damage_break_nothing(fuzz, name):
    targets, seeds = fuzz
    sys.path.insert(0, str(HERE))
    try:
        for seed in seeds[name]():
            for content in damaged(seed):
                targets[name](content)
    finally:
        sys.path.remove(str(HERE))


@pytest.mark.parametrize("path", sorted((HERE / "findings").glob("*/*")), ids=lambda path: path.name)
def test_what_once_broke_something_breaks_nothing(fuzz, path):
    targets, _ = fuzz
    sys.path.insert(0, str(HERE))
    try:
        targets[path.parent.name](path.read_bytes())
    finally:
        sys.path.remove(str(HERE))
