"""A substep: what an agent says, then how it changes."""

import abc
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, final

Array = Any  # an array of the Python array API: numpy on a client, torch in the engine
State = Mapping[str, Array]  # field name to array[n, ...]; never changed in place


@final
@dataclass(frozen=True, slots=True)
class Exposure:
    """What reaches each agent in a step.

    Attributes:
        contact: int64[n, c], the sum of its neighbours' messages on each channel.
        pressure: int64[n], the hazard that comes from its cells: public totals, already in fixed point.
        crossed: bool[n], in outcome mode: whether the agent's hazard has exceeded its threshold by now, which the
            aggregators decided; None where the agent's holder decides itself.
    """

    contact: Array
    pressure: Array
    crossed: Array | None = None


class Substep(abc.ABC):
    """One process of a model: observe (message), decide and transition (update), as in the paper's FLAME.

    Subclasses are final and hold no state. They are written against the Python array API, so that clients run them on
    numpy and the engine runs the same lines on torch. `reads` and `writes` name the fields of the state with their
    types; a model checks that they fit when it is made.

    Source: Chopra 2025 (arXiv 2507.09901), Eq. 1.
    """

    id: ClassVar[str]  # name and version; a change of behaviour is a new version
    reads: ClassVar[Mapping[str, str]]
    writes: ClassVar[tuple[str, ...]]
    speaks: ClassVar[bool] = False

    def message(self, state: State, *, channels: int) -> Array:
        """Return int64[n, channels + 1]: what each agent adds to its neighbours' exposure, and last to its cells'."""
        raise NotImplementedError(f"{type(self).__name__} says nothing")

    @abc.abstractmethod
    def update(self, state: State, exposure: Exposure) -> State:
        """Return the next state (Eq. 1)."""
