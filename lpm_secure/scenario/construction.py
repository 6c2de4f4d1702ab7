"""The tables of a configuration, as a TOML file has them, from the objects that a program has."""

import dataclasses
import difflib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import msgspec

from lpm_secure.city.config import CityConfig
from lpm_secure.config.environment import LIBRARY
from lpm_secure.config.simulation import Config
from lpm_secure.environments.environment import Environment
from lpm_secure.models.model import Model
from lpm_secure.models.reference import name_of
from lpm_secure.populations.population import Population
from lpm_secure.scenario.own_tables import OwnFolder, tables_of
from lpm_secure.scenario.settings import plain
from protocols.errors import ConfigError, ParameterError
from protocols.toml_file import convert_tables

Tables = dict[str, Any]
ORIGIN: Final = "Simulation"
DATA_SETS: Final = ("workplace_invs15", "look_alike")
KINDS: Final = ("nyc", "look_alike")  # of populations
HOLDERS: Final = ("group", "person", "one")


def config_of(tables: Mapping[str, Any]) -> Config | CityConfig:
    """Return the configuration of tables, of whichever kind it is.

    Raises:
        ConfigError: one line that says what was got, what is allowed, and what to do.
    """
    if "private" in tables:
        return convert_tables(tables, Config, origin=ORIGIN)
    return convert_tables(tables, CityConfig, origin=ORIGIN)


def private_tables(people: Any, contacts: Any, clients: Any, folder: OwnFolder) -> Tables:
    """Return `private`, and `protocol` where one client holds all: people of one's own, or of a data set.

    Args:
        people, contacts: as `tables_of` takes them; or the name of a data set, whose contacts it has.
        clients: "person", "one", "group" of a data set, or the column of people that says whose they are.
        folder: takes frames.
    """
    if isinstance(people, str) and people in DATA_SETS:
        return {"private": {"dataset": people, **({"clients": _holders(clients)} if clients is not None else {})}}
    if isinstance(people, str) and difflib.get_close_matches(people, DATA_SETS) and not Path(people).exists():
        raise ParameterError(f"people is {people}, which is no file; the data sets are {', '.join(DATA_SETS)}")
    who, met = tables_of(people, contacts, folder)
    private: Tables = {"people": who, "clients": "one" if clients is None else _holders(clients)}
    if met is not None:
        private["contacts"] = met
    return {"private": private, **({"protocol": {"min_cohort": 1}} if private["clients"] == "one" else {})}


def population_tables(population: Any, agents: int | None, channels: Any, *, private: bool) -> Tables:
    """Return the tables that say who else there is, and where they meet: synthetic agents, or the people of a city.

    Args:
        population: "nyc" or "look_alike", the path of one on disk, an opened one, or a table; None for none.
        agents: how many.
        channels: of each channel the setting in which it meets, several, or tables of these.
        private: whether there are private agents beside them.
    """
    source = _population(population)
    if agents is not None:
        source["agents"] = agents
    links = {name: _links(name, each) for name, each in _mapping("channels", channels).items()}
    if not private:
        if not source:
            raise ConfigError("a simulation needs people, of whom there are private ones, or a population, or both")
        return {"population": source} | ({"channels": links} if links else {})
    if "path" in source and agents is None:
        source["agents"] = Population.open(Path(source["path"])).n
    kind = {"population": source.pop("kind")} if "kind" in source else {}
    synthetic = source | kind | ({"channels": links} if links else {})
    return {"synthetic": synthetic} if synthetic else {}


def model_tables(model: Any, parameters: Mapping[str, Any] | None) -> Tables:
    """Return `model` and `parameters`: of a class, a name, or the table of the epidemic that has none."""
    if model is None:
        return {}
    if isinstance(model, type) and issubclass(model, Model):
        model = name_of(model)
    elif isinstance(model, msgspec.Struct):
        model = msgspec.to_builtins(model)
    elif not isinstance(model, str | Mapping):
        raise ParameterError(
            f"model is {model!r}; give a class derived from lpm.Model, package:Class, a name of the library, or a table"
        )
    given = _mapping("parameters", parameters)
    return {"model": plain(model)} | ({"parameters": plain(given)} if given else {})


def environment_tables(environment: Any) -> Tables:
    """Return `environment`: of a table, or of an object whose class is a dataclass.

    Raises:
        ParameterError: another object, of which a run could not have a new one.
    """
    if environment is None:
        return {}
    if isinstance(environment, Mapping):
        return {"environment": plain(dict(environment))}
    kind = type(environment)
    if not isinstance(environment, Environment) or not dataclasses.is_dataclass(environment):
        raise ParameterError(
            f"environment is a {kind.__name__}; give an lpm.Environment that is a dataclass, so that each run has a "
            "new one, or a table with its name and keys"
        )
    keys = {each.name: plain(getattr(environment, each.name)) for each in dataclasses.fields(environment) if each.init}
    own = {reference: name for name, reference in LIBRARY.items()}
    name = name_of(kind)
    return {"environment": {"name": own.get(name, name), **keys}}


def cell_tables(cells: Any) -> Tables:
    """Return `cells`: of their number, of the column of people that says in which each is, or of a table."""
    if cells is None:
        return {}
    if isinstance(cells, Mapping):
        return {"cells": plain(dict(cells))}
    return {"cells": {"column": cells} if isinstance(cells, str) else {"count": plain(cells)}}


def _holders(clients: Any) -> Any:
    return clients if isinstance(clients, Mapping) or clients in HOLDERS else {"column": clients}


def _population(population: Any) -> Tables:
    if population is None:
        return {}
    if isinstance(population, Mapping):
        return {str(name): plain(value) for name, value in population.items()}
    if isinstance(population, Population):
        return {"path": str(population.path.absolute())}
    if isinstance(population, str) and population in KINDS:
        return {"kind": population}
    path = Path(population).expanduser().absolute() if isinstance(population, str | Path) else None
    if path is None or not path.is_dir():
        raise ParameterError(f"population is {population}, and there is no such folder; there are {', '.join(KINDS)}")
    return {"path": str(path)}


def _links(channel: str, given: Any) -> list[Tables]:
    """Return where a channel meets, as tables."""
    several = list(given) if isinstance(given, list | tuple) else [given]
    if not all(isinstance(each, str | Mapping) for each in several):
        raise ParameterError(f"channels.{channel} is {given!r}; give a setting, or a table of it")
    return [{"setting": each} if isinstance(each, str) else plain(each) for each in several]


def _mapping(name: str, given: Any) -> Mapping[str, Any]:
    """Return a table of names; nothing where there is none.

    Raises:
        ParameterError: it is no table.
    """
    if given is not None and not isinstance(given, Mapping):
        raise ParameterError(f"{name} is {given!r}; give a table: a value of each name")
    return given or {}
