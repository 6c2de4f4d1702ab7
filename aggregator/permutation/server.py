"""One server of the secret permutation in one session: days are set up when they are first used, and then kept."""

from collections.abc import Callable
from typing import Final, final

from aggregator.permutation.channel import Channel
from aggregator.permutation.roles import Role
from aggregator.permutation.setup import Stages, Tokens, set_up
from aggregator.permutation.stages import Shape
from aggregator.permutation.step import permute
from protocols.arithmetic.fixed_point import U64
from protocols.errors import PartiesDisagree

SET_UP: Final = b"s"
STEP: Final = b"p"
TokensOf = Callable[[int], Tokens]


@final
class PermutationServer:
    """The stages of the days set up in this session, at most `period` of them, and steps over them.

    Security: as one of three, it learns no edge, no message and no exposure; nor with any clients that help it, but for
        their own edges. Two servers that pool what they have learn all edges; A and B all messages too.
    """

    def __init__(self, channel: Channel, shape: Shape, *, period: int, steps: int) -> None:
        """Begin with no day set up."""
        self._channel, self._shape, self._period, self._steps = channel, shape, period, steps
        self._days: dict[int, Stages] = {}

    def step(self, x: U64, step: int, tokens: TokensOf) -> tuple[bytes, U64]:
        """Permute this aggregator's share of a step's out-slots; all three servers must.

        Args:
            x: uint64[slots * width].
            step: of the run.
            tokens: this aggregator's shares of the tokens of a day.

        Returns:
            The name of this joint operation, 32 bytes, and uint64[n * width], its share of the exposures.
        """
        day = step % self._period
        if day not in self._days:
            self._order(SET_UP, day)
            self._days[day] = set_up(self._channel, self._shape, tokens(day))
        self._order(STEP, step)
        total = permute(self._channel, self._shape, self._days[day], x)
        return self._channel.name, total

    def serve_one(self) -> None:
        """As C: wait for an order, and carry it out."""
        kind, number = self._channel.receive_order()
        self._channel.begin(kind, number)
        if kind == SET_UP and number < self._period:
            self._days[number] = set_up(self._channel, self._shape, None)
        elif kind == STEP and number <= self._steps and number % self._period in self._days:
            permute(self._channel, self._shape, self._days[number % self._period], None)
        else:
            raise PartiesDisagree(f"the first aggregator ordered {kind!r} {number}, which this run does not have")

    @property
    def alive(self) -> bool:
        """Whether the connections to both other servers are open."""
        return self._channel.alive

    def close(self) -> None:
        """Close all links; the other servers notice."""
        self._channel.close()

    def _order(self, kind: bytes, number: int) -> None:
        self._channel.begin(kind, number)
        if self._channel.role == Role.A:
            self._channel.send_order(kind, number)
