"""Composition: a model's declarations and parts of a graph, whether it is one class or made of several."""

from collections.abc import Mapping
from typing import Any, Final

import numpy as np

from lpm_secure.models.axes import CLOCK
from lpm_secure.models.declarations import Declaration, Message, Outcome, Parameter, PublicLevels, State
from lpm_secure.models.model import Draw, Edge, Heard, Me, Model
from lpm_secure.models.symbols import Choice, Symbol, integer, line_of, operate, symbol
from protocols.errors import ModelError
from protocols.models.graph.draws import BEGIN, STEP

LINEAR: Final = {"messages": "says", "weights": "weight", "thresholds": "threshold", "totals": "totals"}
METHODS: Final = ("begin", "update", "along", *LINEAR.values())


def declarations(model: type[Model]) -> dict[str, Declaration]:
    """Return what a model and its parts declare, by name; its bases come first, and then its parts.

    Raises:
        ModelError: a name is one of a model's methods, or of what its state is asked by; or two parts mean something
            else by it; or a part is no model.
    """
    declared: dict[str, Declaration] = {}
    for owner in reversed(model.__mro__):
        declared |= {name: value for name, value in vars(owner).items() if isinstance(value, Declaration)}
    for part in model.parts:
        if not (isinstance(part, type) and issubclass(part, Model)):
            raise ModelError(f"{model.__name__} has the part {part!r}; parts are classes derived from lpm.Model")
        for name, value in declarations(part).items():
            other = declared.setdefault(name, value)
            if other is not value:
                raise ModelError(
                    f"{value.line}: {name} is declared at {other.line} too; rename one of them, or let both parts mean "
                    f"the same: {name} = {part.__name__}.{name}"
                )
    for levels in [each for each in declared.values() if isinstance(each, PublicLevels)]:
        for each in (*levels.messages, *levels.outcomes):
            if declared.setdefault(each.name, each) is not each:
                raise ModelError(
                    f"{declared[each.name].line}: {each.name} is declared, and {levels.name} has it; rename it"
                )
    reserved = {name for owner in (Model, Me) for name in vars(owner)}
    for name in declared:
        if name in reserved:
            raise ModelError(f"{model.__name__} declares {name}, a name that lpm.Model or me has; give it another one")
    return declared


def parts_of(model: type[Model]) -> tuple[type[Model], ...]:
    """Return the parts of a model, in order, and those of its parts; last itself, where it computes something.

    Raises:
        ModelError: a part is named twice.
    """
    inner = [each for part in model.parts for each in parts_of(part)]
    twice = next((each.__name__ for each in inner if inner.count(each) > 1), None)
    if twice:
        raise ModelError(f"{model.__name__} has the part {twice} twice; name it once")
    computes = not inner or any(_defines(model, method) for method in METHODS)
    return (*inner, model) if computes else tuple(inner)


def compose(model: type[Model]) -> tuple[dict[str, State], dict[str, dict[str, Symbol]]]:
    """Call every method of every part, in order, and return the fields of a graph, and its parts.

    Raises:
        ModelError: two parts give the same number, or have draws of the same purpose.
    """
    declared, parts = declarations(model), parts_of(model)
    fields = {name: each for name, each in declared.items() if isinstance(each, State)}
    for each in declared.values():
        if isinstance(each, Outcome):
            _require_parts(each)
    begun = _moved(parts, fields, BEGIN)
    after = _moved(parts, fields, STEP)
    above = {name: each.above for name, each in declared.items() if isinstance(each, Outcome) and each.above}
    linear = {kind: _given(parts, method) for kind, method in LINEAR.items()}
    linear["along"] = _given(parts, "along", Edge())
    fixed = {name: Symbol("field", name=each.name) for name, each in above.items()}
    for levels in declared.values():
        fixed |= levels.thresholds() if isinstance(levels, PublicLevels) else {}
    linear["thresholds"] = fixed | linear["thresholds"]
    drawn = {name: value for name, value in begun.changed.items() if not fields[name].private}
    clock, first, later = _clock(declared)
    changed = {"begin": drawn | first, "restarts": dict(after.begun), "update": dict(after.changed) | later}
    return fields | clock, linear | changed


def _require_parts(each: Outcome) -> None:
    """Refuse an outcome of what is neither a message, a factor of one, nor a field, with its line."""
    if each.above is not None and not isinstance(each.above, State):
        raise ModelError(
            f"{each.line}: above is a field that the class declares, as doubt = lpm.field(0, 9); got {each.above!r}"
        )
    for term, factor in each.terms.items():
        if not isinstance(term, Message) or not isinstance(factor, int | Parameter):
            raise ModelError(
                f"{each.line}: an outcome adds up messages, by whole numbers or parameters; got {term!r} by {factor!r}"
            )


def _clock(declared: Mapping[str, Declaration]) -> tuple[dict[str, State], dict[str, Symbol], dict[str, Symbol]]:
    """Return a field that counts steps, and how, where a parameter changes with time.

    It stops in the last of all periods, whose values hold on. All agents have the same clock, so nobody knows another.
    """
    periods = {name: each.over for name, each in declared.items() if isinstance(each, Parameter) and each.over}
    if not periods:
        return {}, {}, {}
    if CLOCK in declared:
        raise ModelError(
            f"{declared[CLOCK].line}: {CLOCK} is declared, and it counts the steps for {next(iter(periods))}; rename it"
        )
    last = max(each.steps * each.count for each in periods.values()) - 1
    counted = operate("minimum", operate("add", Symbol("field", name=CLOCK), 1), last)
    return {CLOCK: State(0, last)}, {CLOCK: symbol(0)}, {CLOCK: counted}


def _defines(model: type[Model], method: str) -> bool:
    return getattr(model, method) is not getattr(Model, method)


def _view(part: type[Model], me: Me) -> Me:
    """Return the state as a part sees it: the fields that it declares, as the parts before it left them."""
    own = {name: each for name, each in declarations(part).items() if isinstance(each, State)}
    return Me(own, {name: value for name, value in me.changed.items() if name in own}, me.begun)


def _moved(parts: tuple[type[Model], ...], fields: Mapping[str, State], moment: int) -> Me:
    """Return the state after all parts' `begin` or `update`, each from what the parts before it left."""
    me, method = Me(fields), "begin" if moment == BEGIN else "update"
    purposes: dict[tuple[int, str], str] = {}
    for part in parts:
        if len(parts) > 1 and not _defines(part, method):
            continue
        draw, view = Draw(moment), _view(part, me)
        after = part().begin(view, draw) if moment == BEGIN else part().update(view, Heard(), draw)
        if not isinstance(after, Me):
            raise ModelError(f"{part.__name__}.{method} returned {type(after).__name__}; return me.set(...)")
        for purpose, line in draw.lines.items():
            if purpose in purposes:
                raise ModelError(
                    f"{line}: {purpose[1]!r} is drawn at {purposes[purpose]} too, by another part, and draws of one "
                    "purpose in one step are the same draw; rename one of them"
                )
        purposes |= draw.lines
        changed = {name: value for name, value in after.changed.items() if value is not me.changed.get(name)}
        if moment == BEGIN:
            open_to = changed.keys() if part.knowable is None else part.knowable
            changed = {name: _known(name, each) if name in open_to else each for name, each in changed.items()}
        me = Me(fields, me.changed | changed, after.begun)
    return me


def _known(name: str, drawn: Symbol) -> Symbol:
    """Return what an agent's holder knows, and what is drawn where nobody knows."""
    known = Symbol("known", name=name, kind="boolean")
    return Symbol("where", (known, Symbol("field", name=name), drawn), labels=drawn.labels, line=drawn.line)


def _given(parts: tuple[type[Model], ...], method: str, *more: Edge) -> dict[str, Symbol]:
    """Return what all parts' methods give from the state of the step's beginning."""
    given: dict[str, Symbol] = {}
    for part in parts:
        bound = getattr(part(), method)
        own = _named(bound(_view(part, Me({})), *more), line_of(bound), method)
        for name in own.keys() & given.keys():
            raise ModelError(
                f"{own[name].line}: {method} gives {name} at {given[name].line} too, in another part; leave it to one"
            )
        given |= own
    return given


def _named(given: Any, line: str, method: str) -> dict[str, Symbol]:
    """Return by name what a method gives, whose own line is said where it gives what no model has."""
    if not isinstance(given, Mapping):
        raise ModelError(f"{line}: {method} returned {type(given).__name__}; return a dictionary by what is declared")
    named = {}
    for declared, value in given.items():
        if not isinstance(declared, Declaration):
            raise ModelError(f"{line}: got {declared!r} as a name; use what the model declares, such as self.talk")
        if not isinstance(value, Choice | Symbol | int | np.integer | np.bool_):
            raise ModelError(
                f"{line}: {method} gives {declared.name} = {value!r}; give what is made of fields and whole numbers, "
                "or declare an lpm.parameter for a fraction"
            )
        named[declared.name] = integer(value.resolve(()) if isinstance(value, Choice) else symbol(value))
    return named
