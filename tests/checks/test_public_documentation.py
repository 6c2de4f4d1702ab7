"""Every public function has types, and says what it takes, with shapes and units, what it returns, how it fails."""

import ast
import functools
import importlib
import inspect
import re
import textwrap
import typing

import pytest

from tests.checks.test_public_names import NAMES

LPM = importlib.import_module("lpm_secure")
HEADS = re.compile(r"^(Args|Returns|Yields|Raises|Security|Attributes|Source):$", re.MULTILINE)
UNIT = re.compile(  # words by which a number is of something
    r"\b(agents?|between|bits?|days?|degrees?|how many|levels?|numbers?|of (a|each)|periods?|probability|processes|"
    r"range|runs?|seeds?|seconds|share|steps?|thresholds?|units?|weights?|which|whole|as `[\w.]+` has (it|them))\b"
)
SHAPE = re.compile(r"\w*\[[^\]]+\]")
SAYS_HOW_IT_FAILS = re.compile(r"\b[Rr]aises? (nothing|\w*Error)")
FIGURE = "a figure of plotly, which has no types"
UNTYPED = {  # what has no type of this project's, and why
    "Analysis.plot": FIGURE,
    "Result.plot": FIGURE,
    "ScenarioComparison.plot": FIGURE,
    "Analysis.to_pandas": "pandas need not be there",
    "Result.to_pandas": "pandas need not be there",
    "ScenarioComparison.to_pandas": "pandas need not be there",
    "Result.to_xarray": "xarray need not be there",
    "Simulation.__init__": "frames of any library, graphs, paths, names, and tables as TOML has them",
    "check_people": "frames of any library, graphs and paths",
    "Simulation.with_": "values as TOML has them",
    "Simulation.folder": "whatever JSON has",
    "Me.set": "whole numbers, symbols and names of stages",
    "where": "whole numbers, symbols and names of stages",
}


def function_of(member):
    """Return the function below a method, class method or property; None for anything else."""
    if isinstance(member, functools.cached_property):
        return member.func
    member = member.fget if isinstance(member, property) else getattr(member, "__func__", member)
    return inspect.unwrap(member) if inspect.isfunction(member) else None


def functions():
    """Return each public function, method and property of the API by its name, and the class that it is of."""
    found = {"Simulation.__init__": (LPM.Simulation.__init__, LPM.Simulation)}
    for name in NAMES["lpm_secure"]:
        value = LPM.public_name(name)
        if inspect.isfunction(value):
            found[name] = value, None
        for own, member in vars(value).items() if inspect.isclass(value) else ():
            if not own.startswith("_") and function_of(member) is not None:
                found[f"{name}.{own}"] = function_of(member), value
    return found


FUNCTIONS = functions()


def lines_of(arguments):
    """Return the description of each parameter of a section, by its name."""
    entries = re.findall(r"^ {4}([\w*][\w*, ]*):(.*?)(?=^ {4}\S|\Z)", arguments, re.MULTILINE | re.DOTALL)
    return {name.strip(" *"): text for names, text in entries for name in names.split(",")}


def gaps_of_parameter(name, kind, text, said):
    """Yield what is not said of a parameter."""
    line = said.get(name, text)
    if kind is None:
        yield f"{name} has no type"
    if not re.search(rf"\b{name}\b", text):
        yield f"{name} is not described"
    if "ndarray" in str(kind) and not SHAPE.search(line):
        yield f"{name} has no shape"
    if re.search(r"\b(int|float)\b", str(kind)) and "ndarray" not in str(kind) and not UNIT.search(line):
        yield f"{name} has no unit"


def gaps_of(function, owner):
    """Yield what a function, method or property does not say."""
    own, hints = inspect.getdoc(function) or "", typing.get_type_hints(function)
    around = [own, *([inspect.getdoc(owner)] if owner is not None else []), inspect.getmodule(function).__doc__]
    sections = dict(zip(["", *HEADS.findall(own)], HEADS.split(own)[::2], strict=True))
    takes = [name for name in inspect.signature(function).parameters if name not in ("self", "cls")]
    for name in takes:
        yield from gaps_of_parameter(name, hints.get(name), "\n".join(around), lines_of(sections.get("Args", "")))
    returns = hints.get("return", "nothing")
    first = own.split("\n\n")[0]
    if returns == "nothing":
        yield "it does not say of which type it returns something"
    says = {"Returns", "Yields"} & set(sections) or re.search(r"^(Return|Yield|Declare)\b|\band return\b", first)
    if returns is not type(None) and not says:
        yield "it does not say what it returns"
    if "ndarray" in str(returns) and not SHAPE.search(own):
        yield "it does not say which shape it returns"
    raises = any(
        isinstance(node, ast.Raise) for node in ast.walk(ast.parse(textwrap.dedent(inspect.getsource(function))))
    )
    if (takes or raises) and "Raises" not in sections and not any(map(SAYS_HOW_IT_FAILS.search, around)):
        yield "it does not say how it fails"


@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_public_function_says_what_it_takes_what_it_returns_and_how_it_fails(name):
    assert not list(gaps_of(*FUNCTIONS[name]))


def test_what_has_no_type_is_listed_with_its_reason():
    bare = {name for name, (function, _) in FUNCTIONS.items() if typing.Any in typing.get_type_hints(function).values()}
    assert bare == set(UNTYPED)


def untold(config, out, until=3, *, rate: float = 0.5):
    """Follow a configuration.

    Args:
        rate: of it.
    """
    raise ValueError


def told(counts: "int", *, level: float) -> None:
    """Count so many agents.

    Args:
        counts: how many.
        level: between 0 and 1.

    Raises:
        ValueError: never.
    """


def test_what_is_not_said_is_found():
    assert list(gaps_of(told, None)) == []
    assert set(gaps_of(untold, None)) >= {
        "config has no type",
        "out is not described",
        "rate has no unit",
        "it does not say of which type it returns something",
        "it does not say what it returns",
        "it does not say how it fails",
    }
