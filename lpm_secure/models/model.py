"""`lpm.Model`: a model as its author writes it, and what its methods get; a mistake raises ModelError, by its line."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, ClassVar, Final, final

from lpm_secure.models.declarations import Message, Observable, Outcome, Public, PublicLevels, State
from lpm_secure.models.symbols import Choice, Kind, Number, Symbol, integer, place, refuse, symbol, truth
from protocols.errors import ModelError
from protocols.models.graph.draws import BEGIN, SPELL


class Model:
    """What agents are, what they tell each other, and how they change (Eq. 1 of arXiv 2507.09901).

    A subclass declares in its body and computes in its methods. These are called once, with symbols; what they do
    becomes the model's graph. They are elementwise over agents: no loop over agents, no float, no dice but `draw`.
    `me` is an agent's state, `heard` what reached it in the step, `edge` a contact, `draw` its random numbers.

    Attributes:
        parts: models that this one is made of, in the order in which they are updated; see `composition`.
        knowable: fields that agents' holders may know at the beginning; None for all.

    Methods:
        begin: the first state, `me.set(...)` of all fields; what an agent's holder knows comes before it.
        says: a message for each channel, from the state.
        along: a message along each contact, from the state and the contact's own number.
        weight: by which an outcome's growth is multiplied, from the state.
        threshold: of outcomes that declare no field for it.
        totals: the number of each observable.
        update: the next state: observe (`heard`), decide (`draw`), change (`me.set(...)`).
    """

    parts: ClassVar[tuple[type["Model"], ...]] = ()
    knowable: ClassVar[tuple[str, ...] | None] = None

    def begin(self, me: "Me", draw: "Draw") -> "Me":
        """Return the state of the beginning."""
        raise ModelError(f"{type(self).__name__} has no begin(self, me, draw); it returns me.set(...) of all fields")

    def says(self, me: "Me") -> Mapping[Message, Number]:
        """Return a message for each channel."""
        return {}

    def along(self, me: "Me", edge: "Edge") -> Mapping[Message, Number]:
        """Return a message along each contact, for channels whose contacts have numbers of their own."""
        return {}

    def weight(self, me: "Me") -> Mapping[Outcome, Number]:
        """Return weights of outcomes."""
        return {}

    def threshold(self, me: "Me") -> Mapping[Outcome, Number]:
        """Return thresholds of outcomes that declare none."""
        return {}

    def totals(self, me: "Me") -> Mapping[Observable, Number]:
        """Return the numbers of observables."""
        return {}

    def update(self, me: "Me", heard: "Heard", draw: "Draw") -> "Me":
        """Return the next state."""
        raise ModelError(f"{type(self).__name__} has no update(self, me, heard, draw); it returns me.set(...)")


@final
class Me:
    """An agent's state: `me.field`, `me.set(field=...)`, `me.restart(outcome, condition)`; and `me.known("field")`."""

    __slots__ = ("_fields", "begun", "changed")

    def __init__(
        self,
        fields: Mapping[str, State],
        changed: Mapping[str, Symbol] | None = None,
        begun: Mapping[str, Symbol] | None = None,
    ) -> None:
        """Stand for any agent, with some fields changed, and some outcomes to begin anew."""
        self._fields, self.changed, self.begun = fields, dict(changed or {}), dict(begun or {})

    def __getattr__(self, name: str) -> Symbol:
        """Return a field, as it was set last."""
        if name.startswith("__"):
            raise AttributeError(name)
        if name in self.changed:
            return self.changed[name]
        if name not in self._fields:
            refuse(f"there is no field {name}; there are {', '.join(self._fields)}")
        return Symbol("field", name=name, labels=self._fields[name].stages, line=place())

    def set(self, **changes: Any) -> "Me":
        """Return the state with some fields changed; `me` itself stays as it is.

        Args:
            **changes: whole numbers or symbols by the names of fields, in their ranges; stages by name, too.
        """
        changed = dict(self.changed)
        for name, value in changes.items():
            if name not in self._fields or self._fields[name].private:
                refuse(f"{name} cannot be set: it is no field of the state, or a private column; declare a field")
            labels = self._fields[name].stages
            given = value.resolve(labels) if isinstance(value, Choice) else integer(symbol(value, labels=labels))
            changed[name] = replace(given, labels=labels)
        return Me(self._fields, changed, self.begun)

    def restart(self, outcome: Outcome, condition: Number) -> "Me":
        """Return the state after which an outcome's level is 0 again where a condition holds."""
        if not isinstance(outcome, Outcome):
            refuse("me.restart(...) takes an outcome that the model declares, and a condition")
        begun = truth(symbol(condition))
        earlier = self.begun.get(outcome.name)
        return Me(
            self._fields, self.changed, self.begun | {outcome.name: begun if earlier is None else begun | earlier}
        )

    def known(self, name: str) -> Symbol:
        """Return whether an agent's holder knows the field `name` at the beginning."""
        if name not in self._fields:
            refuse(f"there is no field {name}; there are {', '.join(self._fields)}")
        return Symbol("known", name=name, kind="boolean", line=place())


@final
class Heard:
    """What reached an agent in a step: `heard[self.outcome]`, `heard[self.public]`, `heard.cell[self.channel]`."""

    def __init__(self) -> None:
        """Stand for any step."""
        self.cell: Final = _Cells("cell")
        self.size: Final = _Cells("size")

    def __getitem__(self, what: Outcome | Public) -> Symbol:
        """Return an outcome, or a number of the environment."""
        if isinstance(what, Public):
            return Symbol("public", name=what.name, line=place())
        if not isinstance(what, Outcome):
            refuse("heard[...] takes an outcome or a public number that the model declares")
        kind: Kind = "boolean" if what.reveals == "bit" else "integer"
        return Symbol("outcome", name=what.name, kind=kind, line=place())

    def level(self, levels: PublicLevels) -> Symbol:
        """Return of `levels` the lowest that was named, their number where none was; or the highest, and -1."""
        if not isinstance(levels, PublicLevels):
            refuse("heard.level(...) takes levels that the model declares: lpm.lowest(...) or lpm.highest(...)")
        bits = [integer(self[outcome]) for outcome in levels.outcomes]
        number = symbol(0)
        for bit in bits:
            number = number + (1 - bit if levels.ascending else bit)
        return number if levels.ascending else number - 1


@final
class Edge:
    """A contact, as who tells something along it knows it: `edge[self.channel]`, its own number."""

    def __getitem__(self, channel: Message) -> Symbol:
        """Return the number, in the range that the channel declares."""
        if not isinstance(channel, Message) or channel.along is None:
            refuse("only channels whose contacts have numbers have them: declare lpm.message(along=(low, high))")
        return Symbol("edge", name=channel.name, line=place())


@final
class _Cells:
    """An agent's own cell, by channel."""

    def __init__(self, op: str) -> None:
        self._op, self.words = op, f"heard.{op} without a [channel]"

    def __getitem__(self, channel: Message) -> Symbol:
        if not isinstance(channel, Message) or not channel.cell:
            refuse("only a channel of cells has totals: declare it with lpm.cell_message(most=...)")
        return Symbol(self._op, name=channel.name, line=place())


@final
class Draw:
    """An agent's random numbers: each has a `purpose`, and two draws of one purpose in one step are the same.

    With a `spell`, a number of the agent, they are the same as long as that is.
    """

    def __init__(self, moment: int) -> None:
        """Draw for the beginning, or for a step."""
        self._moment = moment
        self.lines: Final[dict[tuple[int, str], str]] = {}  # where each is made, by moment and purpose

    def happens(self, probability: Number, purpose: str, *, spell: Number | None = None) -> Symbol:
        """Return whether something happens, with a probability in units of 2**-32: a parameter, or a number."""
        return self._draw("happens", (probability,), purpose, spell, kind="boolean")

    def uniform(self, low: Number, high: Number, purpose: str, *, spell: Number | None = None) -> Symbol:
        """Return a whole number from `low` to below `high`, each as likely."""
        count = symbol(high) - low
        return self._draw("uniform", (low, count), purpose, spell)

    def days(self, law: Symbol, purpose: str, *, spell: Number | None = None, elapsed: Number | None = None) -> Symbol:
        """Return `d + 1` with probability `law[d] / 2**32`, by the agent's own of a law that has several.

        Args:
            law: a parameter, or a table.
            purpose: of the draw.
            spell: of which it is, if of one.
            elapsed: at the beginning, days that have passed: it returns those that are left, by the law of more days
                than these. Who knows of more than the law has is refused.
        """
        if not isinstance(law, Symbol) or law.kind != "table":
            refuse(f"the draw {purpose!r} takes a law: declare lpm.parameter(weights, unit=lpm.LAW), of 2**32 in all")
        if elapsed is not None and self._moment != BEGIN:
            refuse("days have passed at the beginning alone: leave elapsed out")
        passed = () if elapsed is None else (elapsed,)
        return self._draw("days", (law, 0 if law.row is None else law.row, *passed), purpose, spell)

    def category(self, weights: Symbol, purpose: str, *, spell: Number | None = None) -> Symbol:
        """Return `i` with probability `weights[i] / 2**32`, by a parameter or table of `weights`."""
        return self.days(weights, purpose, spell=spell) - 1

    def exponential(self, bits: int, purpose: str, *, spell: Number | None = None) -> Symbol:
        """Return a draw of Exp(1) in fixed point with so many fraction bits."""
        return self._draw("exponential", (), purpose, spell, settings=(bits,))

    def _draw(
        self,
        op: str,
        operands: tuple[Number, ...],
        purpose: str,
        spell: Number | None,
        *,
        kind: Kind = "integer",
        settings: tuple[int, ...] = (),
    ) -> Symbol:
        if not isinstance(purpose, str) or not purpose:
            refuse("a draw needs a purpose, a name of its own: draws of one purpose in one step are the same draw")
        moment = self._moment if spell is None else SPELL
        if moment == SPELL and self._moment == BEGIN:
            refuse("the beginning has no spells: leave spell out")
        inputs = [x if isinstance(x, Symbol) and x.kind == "table" else integer(symbol(x)) for x in operands]
        inputs += [] if spell is None else [integer(symbol(spell))]
        self.lines.setdefault((moment, purpose), place())
        return Symbol(op, tuple(inputs), purpose, (moment, *settings), kind, line=place())
