"""`model = "package.module:Class"` of a configuration with its `[parameters]`: a graph and whole numbers."""

import math
from collections.abc import Mapping

from lpm_secure.models.composition import declarations
from lpm_secure.models.declarations import Parameter
from lpm_secure.models.reference import find
from lpm_secure.models.tracer import trace
from protocols.errors import ConfigError
from protocols.models.graph.agents import GraphModel

Number = int | float
Value = Number | tuple[Number, ...]
Parameters = dict[str, Value]


def graph_model_of(name: str, given: Mapping[str, Value]) -> GraphModel:
    """Return the model that a manifest carries.

    Args:
        name: `package.module:Class`, from the working folder too, or a name of the library.
        given: values of parameters, in their author's units; the others have their defaults.

    Raises:
        ModelError: there is no such model, or it has a mistake; with the place in its author's file.
        ConfigError: it has no such parameter, or a value is out of its range.
    """
    model = find(name)
    traced = trace(model)
    unknown = sorted(set(given) - set(traced.parameters))
    if unknown:
        known = ", ".join(sorted(traced.parameters)) or "none"
        raise ConfigError(f"[parameters] has {unknown[0]}, which {name} has not; its parameters are: {known}")
    declared = {each.name: each for each in declarations(model).values() if isinstance(each, Parameter)}
    own = {each: _integers(declared[each], value) for each, value in given.items()}
    return GraphModel(traced.graph, {**traced.parameters, **own})


def _integers(declared: Parameter, value: Value) -> int | tuple[int, ...]:
    """Return a value in the integers of its parameter's unit."""
    name, table = f"parameters.{declared.name}", isinstance(declared.value, tuple)
    if isinstance(value, tuple) != table:
        raise ConfigError(f"{name} is {value}; it is {'a list of whole numbers' if table else 'one number'}")
    if not isinstance(value, tuple):
        _refuse_outside(declared, value, name)
        return declared.unit.integer(value, name)
    if not value or not all(math.isfinite(entry) and entry == math.floor(entry) for entry in value):
        raise ConfigError(f"{name} is {list(value)}; its entries are whole numbers, at least one")
    low, high = declared.range(name)
    entries = tuple(int(entry) for entry in value)
    if min(entries) < low or max(entries) > high:
        raise ConfigError(f"{name} has entries from {min(entries)} to {max(entries)}; they must lie in [{low}, {high}]")
    return entries


def _refuse_outside(declared: Parameter, value: Number, name: str) -> None:
    low, high = declared.bounds or (0, declared.unit.high / 2**declared.unit.bits)
    if not low <= value <= high:
        raise ConfigError(f"{name} is {value:g}; it must lie in [{low:g}, {high:g}]")
