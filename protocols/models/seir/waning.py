"""Immunity that wanes: the recovered become susceptible again, with draws of their own for every new spell."""

from dataclasses import dataclass
from typing import ClassVar, Final, final

import numpy as np
from array_api_compat import array_namespace, device, to_device

from protocols.arithmetic import distributions
from protocols.arithmetic.fixed_point import U64
from protocols.arithmetic.philox import DrawPurpose, philox
from protocols.models.stage import Stage
from protocols.models.substep import Array, Exposure, State, Substep

SPELL_KEY: Final = 0x7370656C6C000000  # first word of the key of later spells' draws: "spell"; agents' seeds differ
SPELL_FIELDS: Final = {"waning": "int16", "spell": "int16", "seed": "int64", "scale": "float64"}


def spell_words(seed: U64, spell: U64, purpose: DrawPurpose) -> U64:
    """Return one word of 64 random bits for each agent: uint64[n], by its own seed and the number of its spell."""
    zero = np.zeros_like(seed)
    return philox((SPELL_KEY, 0), (seed, np.full_like(seed, int(purpose)), spell, zero))[0]


@final
@dataclass(frozen=True, slots=True)
class Waning(Substep):
    """An agent stays recovered for `waning` steps; then it is susceptible, its hazard is 0, and it draws anew.

    Threshold and durations of a later spell are functions of the agent's seed and the spell's number, so that they are
    the same wherever the agent lives. The last of a model's substeps: exposures count from the next step on.

    Attributes:
        latent, infectious, waning: laws of days.
        unit: of thresholds: 2**f, times that of weights where the model has any.

    Source: Sellke 1983, as in `Transmission`. The exponential law has no memory, so a new threshold with the hazard
        counted from 0 is the law of Eq. 8 in every spell.
    """

    id: ClassVar[str] = "waning/1"
    reads: ClassVar[dict[str, str]] = {
        "stage": "int8",
        "timer": "int16",
        "latent": "int16",
        "infectious": "int16",
        "hazard": "int64",
        "tau": "int64",
        **SPELL_FIELDS,
    }
    writes: ClassVar[tuple[str, ...]] = (
        "stage",
        "timer",
        "latent",
        "infectious",
        "waning",
        "spell",
        "hazard",
        "tau",
    )

    latent: tuple[int, ...]
    infectious: tuple[int, ...]
    waning: tuple[int, ...]
    unit: float

    def update(self, state: State, exposure: Exposure) -> State:
        """Return the state one step later; those who have just recovered begin to wait."""
        stage, timer = state["stage"], state["timer"]
        xp = array_namespace(stage)
        recovered = stage == int(Stage.R)
        begins = recovered & (timer == 0)
        waits = recovered & ~begins
        timer = xp.where(begins, state["waning"], timer - xp.astype(waits, timer.dtype))
        returns = waits & (timer == 0)
        after = {
            **state,
            "stage": xp.where(returns, xp.full_like(stage, int(Stage.S)), stage),
            "timer": timer,
            "hazard": xp.where(returns, xp.zeros_like(state["hazard"]), state["hazard"]),
            "spell": state["spell"] + xp.astype(returns, state["spell"].dtype),
        }
        return self._redraw(after, np.flatnonzero(_host(returns)))

    def _redraw(self, state: State, rows: Array) -> State:
        """Draw threshold and durations of these agents, on the host: they are few, and draws are of numpy."""
        if not rows.size:
            return state
        seed = _host(state["seed"])[rows].view(np.uint64)
        spell = _host(state["spell"])[rows].astype(np.uint64)
        scale = _host(state["scale"])[rows]
        tau = distributions.exponential(spell_words(seed, spell, DrawPurpose.THRESHOLD)) * scale * self.unit
        drawn = {
            "latent": distributions.days(spell_words(seed, spell, DrawPurpose.LATENT), self.latent),
            "infectious": distributions.days(spell_words(seed, spell, DrawPurpose.INFECTIOUS), self.infectious),
            "waning": distributions.days(spell_words(seed, spell, DrawPurpose.WANING), self.waning),
            "tau": np.rint(tau),
        }
        return {**state, **{name: _replace(state[name], rows, values) for name, values in drawn.items()}}


def find_returns(before: State, after: State) -> Array:
    """Return which agents became susceptible again in a step, bool[n]."""
    return (before["stage"] == int(Stage.R)) & (after["stage"] == int(Stage.S))


def _host(x: Array) -> Array:
    return np.asarray(to_device(x, "cpu"))


def _replace(x: Array, rows: Array, values: Array) -> Array:
    """Return a copy with some rows replaced, where the array was."""
    content = _host(x).copy()
    content[rows] = values
    return array_namespace(x).asarray(content, device=device(x))
