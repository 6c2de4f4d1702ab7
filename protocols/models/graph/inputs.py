"""What agents of a model are given at run time, held to what its graph proved.

Bounds of a graph are proved for all that lies in the declared ranges, and compiled loops read tables unchecked: so
nothing else may come in.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from protocols.arithmetic.distributions import check_law
from protocols.arithmetic.fixed_point import I64
from protocols.errors import DataError, ParameterError
from protocols.models.agent_model import UNKNOWN
from protocols.models.graph import GraphParameter, ModelGraph
from protocols.models.graph.bounds import LARGEST_CELL


def check_parameters(graph: ModelGraph, given: Mapping[str, int | tuple[int, ...]]) -> dict[str, Any]:
    """Return a number, or int64[rows, length], of each parameter.

    Raises:
        ParameterError: one is missing, no whole number, out of its range, of another length, or no law.
    """
    checked: dict[str, Any] = {}
    looked_up = {graph.nodes[node.inputs[0]].name for node in graph.nodes if node.op == "lookup"}
    for name, parameter in graph.parameters.items():
        if name not in given:
            raise ParameterError(f"the parameter {name} is missing; give {', '.join(graph.parameters)}")
        numbers = _whole(given[name], name)
        if numbers.min() < parameter.low or numbers.max() > parameter.high:
            raise ParameterError(f"{name} is {given[name]}; it must lie in [{parameter.low}, {parameter.high}]")
        checked[name] = _shaped(numbers.astype(np.int64), parameter, name, exact=name in looked_up)
    return checked


def check_columns(graph: ModelGraph, given: Mapping[str, I64], n: int) -> dict[str, I64]:
    """Return int64[n] of each private column.

    Raises:
        DataError: one is missing, has another length, is not of whole numbers, or leaves its range; by its row.
    """
    columns = {}
    for name, field in graph.fields.items():
        if field.private:
            if name not in given:
                raise DataError(f"the private column {name} is missing; give {n} whole numbers", 0)
            columns[name] = _column(given[name], f"the private column {name}", n)
            _refuse_rows((columns[name] < field.low) | (columns[name] > field.high), name, (field.low, field.high))
    return columns


def knowable(graph: ModelGraph) -> frozenset[str]:
    """Return the fields whose first value a holder may know: those of which the graph asks whether it does."""
    return frozenset(node.name for node in graph.nodes if node.op == "known")


def check_known(graph: ModelGraph, given: Mapping[str, I64], n: int) -> dict[str, I64]:
    """Return int64[n] of each field that holders know; `UNKNOWN` where one does not.

    Raises:
        DataError: there is no such field, it has another length, is not of whole numbers, or lies out of its range;
            or it says since when a stage is so, and the stage is not known.
    """
    known, fields = {}, knowable(graph)
    for name, values in given.items():
        if name not in fields:
            raise DataError(f"{name} is no field of the state, so nobody knows it; give it as a private column, or not")
        field = graph.fields[name]
        known[name] = _column(values, name, n)
        outside = (known[name] > field.high) | ((known[name] < field.low) & (known[name] != UNKNOWN))
        _refuse_rows(outside, name, (field.low, field.high))
    nobody = np.full(n, UNKNOWN)
    for name, field in graph.fields.items():
        if field.elapsed is not None and name in known:
            alone = (known[name] >= field.low) & (known.get(field.elapsed, nobody) < 0)
            if alone.any():
                row = int(np.argmax(alone)) + 1
                raise DataError(
                    f"agent {row}: {name} is given and {field.elapsed} is not; give both, or leave both empty", row
                )
    return known


def state_before_begin(
    graph: ModelGraph, given: Mapping[str, I64], n: int
) -> tuple[dict[str, I64], dict[str, npt.NDArray[np.bool_]]]:
    """Return each field before `begin`, int64[n], and of which agents it is known; the least where it is not.

    Args:
        given: private columns, and of fields that holders know their values, `UNKNOWN` where one does not.
    """
    state, known = {}, {}
    for name, field in graph.fields.items():
        column = given.get(name, np.full(n, UNKNOWN))
        state[name], known[name] = np.maximum(column, field.low), (column >= field.low) & (not field.private)
    return state, known


def check_public(allowed: Mapping[str, tuple[int, int]], given: Mapping[str, Any], *, n: int = 1) -> dict[str, Any]:
    """Return the environment's numbers of a step.

    Args:
        allowed: the range of each that the model hears.
        given: one number each, or of agents of several runs int64[n].
        n: agents.

    Raises:
        ParameterError: one is missing, unknown, no whole number, or out of its range.
    """
    if set(given) != set(allowed):
        raise ParameterError(f"public numbers are {sorted(given)}; the model takes {sorted(allowed)}")
    checked = dict[str, Any]()
    for name, (low, high) in allowed.items():
        number, many = _whole(given[name], name), n if isinstance(given[name], np.ndarray) else 1
        if number.size not in (1, many) or number.min() < low or number.max() > high:
            raise ParameterError(f"{name} is {given[name]}; it must be one number in [{low}, {high}]")
        checked[name] = number if number.size > 1 else int(number.item())
    return checked


def edges_of(graph: ModelGraph, numbers: I64) -> dict[str, I64]:
    """Return contacts' own numbers for each channel whose messages are made of them, within the channel's range."""
    ranges = {name: graph.channels[name].along or (0, 0) for name in graph.along}
    return {name: np.clip(numbers, low, high) for name, (low, high) in ranges.items()}


def check_cells(graph: ModelGraph, of: I64, sizes: I64, n: int) -> None:
    """Refuse cells that agents are not in, and those so large that a total would leave its proved range.

    Raises:
        DataError: an agent has no cell, or a cell is too large.
    """
    if sizes.size == 0:
        return
    field = graph.cell_field
    if field is not None and (of.size or sizes.size != len(graph.fields[field].cells) or sizes.min() < n):
        raise DataError(
            f"{n} agents move between the {len(graph.fields[field].cells)} cells of {field}, each of which could hold "
            f"all; got {sizes.size} cells for at least {sizes.min()}, and a cell of {of.size} agents"
        )
    if field is None and (of.shape != (n,) or of.min(initial=0) < 0 or of.max(initial=0) >= sizes.size):
        raise DataError(f"each of {n} agents needs its cell, a number below {sizes.size}")
    most = max((channel.most for channel in graph.channels.values() if channel.cell), default=1)
    if sizes.min() < 0 or int(sizes.max()) * most > LARGEST_CELL:
        raise DataError(f"cells are of {sizes.min()} to {sizes.max()} people, who tell {most} each; at most 2**32 fit")


def _whole(value: Any, name: str) -> np.ndarray:
    try:
        numbers = np.atleast_1d(np.asarray(value))
    except ValueError as error:
        raise ParameterError(f"{name} has rows of different lengths; give rows of one length") from error
    if numbers.dtype.kind not in "iu" or not numbers.size:
        raise ParameterError(f"{name} is {value}; give whole numbers of at most 64 bits")
    return numbers


def _shaped(numbers: I64, parameter: GraphParameter, name: str, *, exact: bool) -> I64 | int:
    """Return one number, or a table; a law that is only drawn from may be shorter than declared."""
    size, law = parameter.length * parameter.rows, parameter.unit == "law"
    fits = numbers.size <= size and numbers.size % parameter.rows == 0 if law and not exact else numbers.size == size
    if parameter.length and not fits:
        raise ParameterError(f"{name} has {numbers.size} numbers; it must have {parameter.rows} x {parameter.length}")
    if not parameter.length:
        if numbers.size != 1:
            raise ParameterError(f"{name} has {numbers.size} numbers; it is one number")
        return int(numbers.reshape(-1)[0])
    rows: I64 = numbers.reshape(parameter.rows, -1)
    if law:
        for row in rows:
            check_law(tuple(row.tolist()), name)
    return rows


def _column(values: Any, name: str, n: int) -> I64:
    """Return int64[n], or refuse without a private value."""
    column = np.asarray(values)
    if column.shape != (n,) or column.dtype.kind not in "iu":
        raise DataError(f"{name} has shape {column.shape} and type {column.dtype}; give {n} whole numbers", 0)
    large = column > np.iinfo(np.int64).max
    _refuse_rows(large, name, (-(2**63), 2**63 - 1))
    return column.astype(np.int64)


def _refuse_rows(outside: np.ndarray, name: str, allowed: tuple[int, int]) -> None:
    if outside.any():
        row = int(np.argmax(outside)) + 1
        raise DataError(f"{name} in row {row} is outside of [{allowed[0]}, {allowed[1]}]", row)
