"""The words of a configuration's type about its keys, as comments of a file that a person fills in."""

import datetime
import re
import textwrap
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final

import msgspec

WIDTH: Final = 100
SHORT: Final = 2  # fields of a table that stands on one line
NOTHING: Final[Mapping[str, Any]] = MappingProxyType({})
ENTRY: Final = re.compile(r"^ {8}(\w+(?:, \w+)*): (.*)$")


def explanations(kind: type[msgspec.Struct]) -> dict[str, str]:
    """Return what the docstrings of a type, and of those that it extends, say of each of its fields."""
    found: dict[str, str] = {}
    names: list[str] = []
    docs = (each.__doc__ or "" for each in reversed(kind.__mro__) if issubclass(each, msgspec.Struct))
    for line in "\n".join(docs).splitlines():
        if entry := ENTRY.match(line):
            names = entry[1].split(", ")
            found |= dict.fromkeys(names, entry[2])
        elif names and line.startswith(" " * 12):
            found |= {name: f"{found[name]} {line.strip()}" for name in names}
        elif line.strip():
            names = []
    return found


def comment(kind: type[msgspec.Struct], given: Mapping[str, Any], *, optional: Mapping[str, Any] = NOTHING) -> str:
    """Return keys of a TOML table, each below what it means.

    Args:
        kind: whose docstring explains them.
        given: keys with their values, in order.
        optional: keys that stand in a comment, to be taken out of it, with values to begin with.
    """
    words, lines = explanations(kind), []
    for key, value in {**given, **optional}.items():
        lines += [f"# {line}" for line in textwrap.wrap(words.get(key, ""), WIDTH)]
        lines += [f"{'' if key in given else '# '}{key} = {toml_value(value)}", ""]
    return "\n".join(lines)


def tables(prefix: str, value: msgspec.Struct, *, optional: Mapping[str, Mapping[str, Any]] = NOTHING) -> str:
    """Return a configuration as TOML tables, each key below what it means; short tables stand on one line.

    Args:
        prefix: name of the outer table.
        value: its content; keys without a value are left out.
        optional: by a table's name, its keys that stand in a comment, with values to begin with.
    """
    plain = msgspec.to_builtins(value, builtin_types=(datetime.date, datetime.datetime))
    inner = {name: each for name in value.__struct_fields__ if _is_table(each := getattr(value, name))}
    given = {key: each for key, each in plain.items() if key not in inner and each not in (None, [], ())}
    words = comment(type(value), given, optional=optional.get(prefix, NOTHING))
    below = (tables(f"{prefix}.{name}", each, optional=optional) for name, each in inner.items())
    return "\n".join([f"[{prefix}]", words, *below])


def _is_table(value: Any) -> bool:
    return isinstance(value, msgspec.Struct) and len(value.__struct_fields__) > SHORT


def toml_value(value: Any) -> str:
    """Return a value as it stands on one line of TOML."""
    if isinstance(value, Mapping):
        inner = ", ".join(f"{_key(key)} = {toml_value(each)}" for key, each in value.items())
        return f"{{ {inner} }}" if inner else "{}"
    if isinstance(value, list | tuple):
        return f"[{', '.join(map(toml_value, value))}]"
    encoded: str = msgspec.toml.encode({"key": value}).decode()
    return encoded.partition("=")[2].strip()


def _key(name: str) -> str:
    return name if re.fullmatch(r"[A-Za-z0-9_-]+", name) else toml_value(name)
