"""The words of a configuration's type about its keys, as comments of a file that a person fills in."""

import re
import textwrap
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final

import msgspec

WIDTH: Final = 100
NOTHING: Final[Mapping[str, Any]] = MappingProxyType({})
ENTRY: Final = re.compile(r"^ {8}(\w+(?:, \w+)*): (.*)$")


def explanations(kind: type[msgspec.Struct]) -> dict[str, str]:
    """Return what the docstring of a type says of each of its fields, in their order there."""
    found: dict[str, str] = {}
    names: list[str] = []
    for line in (kind.__doc__ or "").splitlines():
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
        lines += [f"# {line}" for line in textwrap.wrap(words[key], WIDTH)]
        lines += [f"{'' if key in given else '# '}{key} = {toml_value(value)}", ""]
    return "\n".join(lines)


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
