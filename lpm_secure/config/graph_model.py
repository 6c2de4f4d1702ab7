"""`model = "package.module:Class"` of a configuration with its `[parameters]`: a graph and whole numbers."""

from collections.abc import Mapping
from pathlib import Path
from typing import Final

import msgspec

from lpm_secure.models.axes import Value
from lpm_secure.models.composition import declarations
from lpm_secure.models.declarations import Declaration, Parameter
from lpm_secure.models.reference import find
from lpm_secure.models.tracer import trace
from protocols.errors import ConfigError, ModelError, ParameterError, did_you_mean
from protocols.models.graph.agents import GraphModel

GRAPH: Final = ".json"  # of a file of a graph
MAX_FILE: Final = 2**24  # bytes


def graph_model_of(name: str, given: Mapping[str, Value]) -> GraphModel:
    """Return the model that a manifest carries.

    Args:
        name: `package.module:Class`, from the working folder too, or a name of the library; or the path of a file of
            a graph with all its parameters, `.json`, as `encode_model` makes it.
        given: values of parameters, in their author's units, or of their entries; the others have their defaults.

    Raises:
        ModelError: there is no such model, or it has a mistake; with the place in its author's file.
        ConfigError: it has no such parameter, or a value is out of its range.
    """
    if name.endswith(GRAPH):
        return _read(Path(name), given)
    model = find(name)
    traced = trace(model)
    unknown = sorted(set(given) - set(traced.parameters))
    if unknown:
        known = ", ".join(sorted(traced.parameters)) or "none"
        hint = did_you_mean(unknown[0], traced.parameters) or f"; its parameters are: {known}"
        raise ConfigError(f"[parameters] has {unknown[0]}, which {name} has not{hint}")
    declared = declarations(model)
    own = {each: _integers(declared, each, value) for each, value in given.items()}
    return GraphModel(traced.graph, {**traced.parameters, **own})


def encode_model(model: GraphModel) -> bytes:
    """Return a graph with its parameters as the bytes of a file, which no author's code is needed for."""
    return msgspec.json.encode(model)


def _read(path: Path, given: Mapping[str, Value]) -> GraphModel:
    if given:
        raise ConfigError(f"[parameters] has {next(iter(given))}, and {path} holds the values of all; leave it out")
    try:
        with path.open("rb") as file:
            return msgspec.json.decode(file.read(MAX_FILE), type=GraphModel)
    except (OSError, msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise ModelError(f"{path} is no file of a graph ({error}); give package:Class") from error


def _integers(declared: Mapping[str, Declaration], name: str, value: Value) -> int | tuple[int, ...]:
    """Return a value in the integers of its parameter's unit."""
    parameter = declared[name]
    if not isinstance(parameter, Parameter):
        raise ConfigError(f"{name} is no parameter")
    try:
        return parameter.integers(value, parameter.axes(declared), f"parameters.{name}")
    except ParameterError as error:
        raise ConfigError(str(error)) from error
