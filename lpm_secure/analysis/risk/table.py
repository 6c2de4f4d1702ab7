"""What the end of `lpm risk` prints: what the authority got, what one owner sees, and what only a testbed can check."""

from collections.abc import Iterator
from typing import Final

import numpy as np

from lpm_secure.analysis.risk.job import Result

BAR: Final = 40


def lines_of(result: Result) -> Iterator[str]:
    """Yield the lines."""
    yield f"contacts  {result.label}"
    yield f"devices   {result.devices}, each with its own keys and connections; hosted by fewer processes"
    yield ""
    yield from _distribution(result)
    yield ""
    yield from _one_device(result)
    yield ""
    yield from _checks(result)


def _distribution(result: Result) -> Iterator[str]:
    """Yield the noised distribution, as the authority has it."""
    mean, bins = result.released.mean(axis=0), result.released.shape[1]
    error = result.sigma / np.sqrt(len(result.released))
    yield f"what the health authority gets: devices by risk, with noise of standard deviation {error:.1f} in each row"
    most = max(float(mean.max()), 1.0)
    for place, count in enumerate(mean):
        bar = "#" * round(BAR * max(float(count), 0.0) / most)
        yield f"  {place / bins:4.0%} to {(place + 1) / bins:4.0%}  {count:7.1f}  {bar}"


def _one_device(result: Result) -> Iterator[str]:
    """Yield what one owner sees; the device in the middle of the range of risks stands for all."""
    name = sorted(result.own, key=lambda each: (result.own[each].before.risk, each))[len(result.own) // 2]
    risk = result.own[name]
    yield f"what the owner of one device sees, and nobody else; as an example, {name}"
    for behaviour, worlds in (("goes on as before", risk.before), ("halves contacts", risk.halved)):
        n = len(worlds.infected)
        yield f"  {behaviour:<18} {worlds.risk:5.1%}, standard error {worlds.error:.1%} over {n} worlds"


def _checks(result: Result) -> Iterator[str]:
    """Yield what can be checked here alone, where all devices are simulated."""
    names = sorted(result.own)
    halved = np.array([result.own[name].halved.risk for name in names])
    bias = halved - np.array([result.truth[name] for name in names])
    before = np.array([result.own[name].before.risk for name in names])
    yield "seen by nobody outside of this testbed:"
    yield f"  mean risk {before.mean():.1%} as before, {halved.mean():.1%} with half of the contacts"
    yield (
        f"  a twin hears but does not speak: its risk is {bias.mean():+.2%} off on average, {np.abs(bias).max():.1%} "
        "at most, from that of a person who truly halves contacts, with the same draws"
    )
    same = "identical" if result.parity else "DIFFERENT"
    yield f"parity: {same}, {len(names)} devices bit for bit with the clear replay"
