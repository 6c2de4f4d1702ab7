"""How a masked run ends in which somebody lies: for all parties at once, in each of several worlds."""

from collections.abc import Callable, Iterable
from typing import Any

import pytest

from lpm_secure.testbed.masked_run import MaskedRun
from protocols.errors import LpmError
from tests.masked_lies import Liar

Ending = tuple[int, str, str]  # the round, and the error with its words


def ending(run: MaskedRun, act: Callable[[], Any]) -> Ending:
    """Return how a run ends, for all parties, by what a test does."""
    with pytest.raises(LpmError) as error:
        act()
    assert all(party.ending for party in (*run.aggregators, run.dealer, *run.clients.values()))
    return run.aggregators[0].number, type(error.value).__name__, str(error.value)


def endings(
    lie: Callable[..., Any],
    begin: Callable[..., MaskedRun],
    play: Callable[[MaskedRun, Any], Any],
    worlds: Iterable[Any],
) -> set[Ending]:
    """Return in which ways runs end in which the second aggregator tells a lie, one run in each world."""
    found = set()
    for world in worlds:
        liar = Liar(lie)
        run = liar.run = begin(between=liar)
        found.add(ending(run, lambda run=run, world=world: play(run, world)))
        assert liar.lies
    return found
