"""A simulation as a program has it: built of objects, or read from a file; changed by names; run over seeds."""

import hashlib
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final, Literal, final

import msgspec

from lpm_secure.city import config as city_configs
from lpm_secure.city.config import CityConfig
from lpm_secure.config import simulation as private_configs
from lpm_secure.config.graph_model import graph_model_of
from lpm_secure.config.simulation import Config
from lpm_secure.scenario import construction, runs, settings
from lpm_secure.scenario.ensemble.ensemble import EnsembleTask
from lpm_secure.scenario.own_tables import OwnFolder
from lpm_secure.scenario.progress import journal_folder
from lpm_secure.scenario.results.result import Result
from protocols.errors import ParameterError
from protocols.report import html

SHORT: Final = 12  # characters of a hash in a folder's name
ENSEMBLES: Final = ("exact", "batched")
NAME: Final = re.compile("[^a-z0-9]+")


@final
class Simulation:
    """A model, its people and its parameters: everything of a run but its seed.

    Attributes:
        config: the same as a configuration file has.
        beside: the folder that a population's relative path starts from.
    """

    __slots__ = ("_folder", "beside", "config")

    config: Config | CityConfig
    beside: Path
    _folder: OwnFolder | None

    def __init__(
        self,
        *,
        steps: int,
        model: Any = None,
        people: Any = None,
        contacts: Any = None,
        population: Any = None,
        environment: Any = None,
        parameters: Mapping[str, Any] | None = None,
        agents: int | None = None,
        channels: Mapping[str, Any] | None = None,
        clients: Any = None,
        cells: Any = None,
        name: str | None = None,
        seed: int = 1,
        **tables: Any,
    ) -> None:
        """Build a simulation.

        Args:
            steps: of the run, each of `dt` days; days of a city.
            model: a class derived from `lpm.Model`, of this notebook too; `package:Class`, or a name of the library; or
                the table `[model]` of a configuration.
            people: private agents: the path of a CSV or Parquet file, a frame (pandas, polars, pyarrow, or a mapping of
                columns) with a column `person`, or a graph of networkx; or "look_alike" or "workplace_invs15".
            contacts: between people: a path or a frame with `a`, `b` and a time, or a graph.
            population: synthetic agents who live in venues: "nyc" or "look_alike" with `agents`, the path of one that
                `lpm population` wrote, or an opened one. Without people it is a city, and runs in the clear alone.
            environment: an `lpm.Environment` that is a dataclass, or a table with its name and keys.
            parameters: of the model, in its author's units; the others have their defaults.
            agents: how many are synthetic.
            channels: of each channel the setting of the population in which it meets, several, or tables.
            clients: who holds people: a column, "person" or "one"; of a data set "group", too. One holds all of one's
                own people unless it is given, and then a private run protects nobody from that one.
            cells: how many, a column of people, or a table.
            name: of the run, in reports.
            seed: of a run that is asked for no others.
            **tables: others of a configuration file: `dt`, `protocol`, `releases`, `synthetic`, `disease`, ...

        Raises:
            ParameterError: one line that says what was got, what is allowed, and what to do. Whatever is the matter
                with what a user gives is this error, or a class derived from it.
        """
        folder = OwnFolder()
        self._folder, self.beside = folder, Path.cwd()
        parts: list[Mapping[str, Any]] = [construction.model_tables(model, parameters)]
        private = people is not None or "private" in tables
        if people is not None:
            parts.append(construction.private_tables(people, contacts, clients, folder))
        elif contacts is not None:
            raise ParameterError("there are contacts and no people; give people, or a graph as people")
        parts += [
            construction.population_tables(population, agents, channels, private=private),
            construction.environment_tables(environment),
            construction.cell_tables(cells),
            {key: settings.plain(value) for key, value in tables.items() if value is not None},
        ]
        content: dict[str, Any] = {"name": name or _slug(model), "seed": settings.plain(seed)}
        content["steps" if private else "days"] = settings.plain(steps)
        for part in parts:
            content = _merge(content, part)
        self.config = construction.config_of(content)
        self.check()

    @classmethod
    def _of(cls, config: Config | CityConfig, beside: Path, folder: OwnFolder | None) -> "Simulation":
        new = cls.__new__(cls)
        new.config, new.beside, new._folder = config, beside, folder
        return new

    @classmethod
    def load(cls, path: Path | str) -> "Simulation":
        """Return the simulation of a configuration file at `path`, of private agents or of a city.

        Raises:
            ConfigError: one line with file and line.
        """
        file = Path(path)
        config = city_configs.load(file) if city_configs.is_city(file) else private_configs.load(file)
        return cls._of(config, file.parent, None)

    @property
    def is_private(self) -> bool:
        """Return whether there are private agents, so that it can run over processes."""
        return isinstance(self.config, Config)

    @property
    def steps(self) -> int:
        """Return how many steps a run has."""
        return self.config.steps if isinstance(self.config, Config) else self.config.days

    @property
    def parameters(self) -> tuple[str, ...]:
        """Return the names of the model's parameters; none of a table `[model]` or `[disease]`."""
        return settings.parameters_of(settings.tables_of_config(self.config))

    def check(self) -> None:
        """Trace the model, and hold its parameters to their ranges.

        Raises:
            ParameterError: there is no such model or parameter, or a value leaves its range.
        """
        with self.own_names():
            if isinstance(self.config, Config):
                _ = self.config.run_model
            elif self.config.model is not None:
                graph_model_of(self.config.model, self.config.parameters)

    def with_(self, changes: Mapping[str, Any] | None = None, /, **values: Any) -> "Simulation":
        """Return the simulation with other values.

        Args:
            changes: by names with dots, such as `{"cells.count": 3}`.
            **values: by names of parameters, or of keys of a configuration file: `steps=30`.

        Raises:
            ParameterError: there is no such name; the nearest one is said; or a value leaves its range.
        """
        tables = settings.change(self.config, {**(changes or {}), **values})
        new = Simulation._of(construction.config_of(tables), self.beside, self._folder)
        new.check()
        return new

    def run(
        self,
        seeds: int | Sequence[int] = 1,
        *,
        private: bool = False,
        ensemble: Literal["exact", "batched"] = "exact",
        workers: int | None = None,
        out: Path | str = "runs",
        parity: bool = True,
        device: str = "auto",
        progress: bool = True,
        journal: Path | str | None = None,
    ) -> Result:
        """Run the simulation over seeds.

        Args:
            seeds: how many, from the simulation's own on; or which.
            private: over processes of this machine, one for each party, in place of in the clear. Seeds that follow
                each other are replicates of one run. Either way, all seeds have the same private agents: what is made
                up of these is by the simulation's own seed.
            ensemble: "exact": each seed with the bits of `lpm run`, whatever runs beside it. "batched": up to 512 seeds
                at once on one graph, by the same law, with other draws; where a model or its people do not allow it,
                a notice says why, and the seeds are computed one by one. `Result.ensemble` says which way was taken.
            workers: processes of runs in the clear; as many as are worth their start unless given. Same bits.
            out: private runs write their folders in it.
            parity: replay private runs in the clear, and compare.
            device: where a run computes: auto, cpu or cuda.
            progress: show how far it is, in a terminal or a notebook.
            journal: a folder in which `lpm serve` sees the same, with bands of the seeds by now; `Result.save` takes
                it afterwards. None is made unless given.

        Returns:
            Series of each seed, day by day: how many agents are in each stage, and totals of observables.

        Raises:
            ParameterError: a mistake in what was given.
            ProtocolError, Unavailable: a private run cannot go on.
        """
        listed = self.seeds(seeds)
        if private and not isinstance(self.config, Config):
            raise ParameterError(f"{self.config.name} is a city without private agents; leave private=True out")
        if ensemble not in ENSEMBLES or (private and ensemble != "exact"):
            raise ParameterError(
                f"ensemble is {ensemble!r}; give {' or '.join(map(repr, ENSEMBLES))}, and exact for private runs"
            )
        shown: dict[str, Any] = {"progress": progress, "journal": journal_folder(journal)}
        with self.own_names():
            if private and isinstance(self.config, Config):
                given: dict[str, Any] = {"beside": self.beside, "out": Path(out), "parity": parity}
                return runs.run_parties(self.config, listed, **given, device=device, **shown)
            task = {self.config.name: EnsembleTask(self.config, self.beside)}
            if ensemble == "batched":
                batched = runs.run_batch(task[self.config.name], listed, **shown)
                if batched is not None:
                    return batched
            return runs.run_clear(task, listed, workers=workers, device=device, **shown)[self.config.name]

    @property
    def tables(self) -> Mapping[str, Any]:
        """Return the configuration as a TOML file has it."""
        return settings.tables_of_config(self.config)

    def seeds(self, asked: int | Sequence[int]) -> tuple[int, ...]:
        """Return the seeds that are asked for: so many from the simulation's own on, or those.

        Raises:
            ParameterError: there are none, too many, one twice, or one that is no seed.
        """
        return runs.seeds_from(self.config.seed, asked)

    def folder(self, out: Path | str, runs: Any) -> Path:
        """Return a folder's name in `out` for what comes of `runs` of the simulation, by the hash of both.

        Raises:
            TypeError: `runs` is nothing that JSON has.
        """
        content = msgspec.json.encode([self.config, runs], order="deterministic")
        return Path(out) / f"{self.config.name}-{hashlib.sha256(content).hexdigest()[:SHORT]}"

    @contextmanager
    def own_names(self) -> Iterator[None]:
        """Return a context in which an error names people and contacts of this program, and not files of them.

        Raises:
            ParameterError: the same, with other words.
        """
        try:
            yield
        except ParameterError as error:
            if self._folder is not None:
                for name in ("people", "contacts"):
                    error.args = (str(error).replace(f"{self._folder.path / name}.parquet", name), *error.args[1:])
            raise

    def __repr__(self) -> str:
        """Return its name, and what it is of."""
        who = "private agents" if self.is_private else "a city"
        return f"Simulation({self.config.name}: {who}, {self.steps} steps)"

    def _repr_html_(self) -> str:
        """Return what a notebook shows: the tables of its configuration."""
        return html.table(html.flatten(self.tables))


def load(path: Path | str) -> Simulation:
    """Return the simulation of a configuration file at `path`, of private agents or of a city.

    Raises:
        ConfigError, ParameterError: the file, or the model that it names, has a mistake.
    """
    return Simulation.load(path)


def _slug(model: Any) -> str:
    """Return a run's name by that of its model, as manifests may have it."""
    word = model.rpartition(":")[2] if isinstance(model, str) else getattr(model, "__name__", "simulation")
    return NAME.sub("-", word.rpartition(".")[2].lower()).strip("-") or "simulation"


def _merge(one: Mapping[str, Any], other: Mapping[str, Any]) -> dict[str, Any]:
    """Return both tables, with the second one's values where both have one."""
    merged = dict(one)
    for key, value in other.items():
        before = merged.get(key)
        merged[key] = _merge(before, value) if isinstance(before, Mapping) and isinstance(value, Mapping) else value
    return merged
