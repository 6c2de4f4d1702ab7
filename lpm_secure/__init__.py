"""Simulate real people without collecting their data: the names that a program of one's own begins with.

Each is loaded when it is first asked for, so that importing this package costs nothing.
"""

import importlib
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:  # a type checker knows the names, and a program loads them when it asks
    from lpm_secure.city.config import CityConfig as CityConfig
    from lpm_secure.city.job import simulate_city as simulate_city
    from lpm_secure.config.simulation import Config as Config
    from lpm_secure.data.catalogue import datasets as datasets
    from lpm_secure.engine.series import StageSeries as StageSeries
    from lpm_secure.environments import Environment as Environment
    from lpm_secure.environments import InterventionSchedule as InterventionSchedule
    from lpm_secure.environments import PublicValue as PublicValue
    from lpm_secure.environments import StepTotals as StepTotals
    from lpm_secure.environments import ThresholdPolicy as ThresholdPolicy
    from lpm_secure.models import LAW as LAW
    from lpm_secure.models import NUMBER as NUMBER
    from lpm_secure.models import PROBABILITY as PROBABILITY
    from lpm_secure.models import Draw as Draw
    from lpm_secure.models import Edge as Edge
    from lpm_secure.models import Heard as Heard
    from lpm_secure.models import Me as Me
    from lpm_secure.models import Model as Model
    from lpm_secure.models import Number as Number
    from lpm_secure.models import cell as cell
    from lpm_secure.models import cell_message as cell_message
    from lpm_secure.models import clip as clip
    from lpm_secure.models import field as field
    from lpm_secure.models import highest as highest
    from lpm_secure.models import lowest as lowest
    from lpm_secure.models import maximum as maximum
    from lpm_secure.models import message as message
    from lpm_secure.models import minimum as minimum
    from lpm_secure.models import observable as observable
    from lpm_secure.models import outcome as outcome
    from lpm_secure.models import parameter as parameter
    from lpm_secure.models import period as period
    from lpm_secure.models import private as private
    from lpm_secure.models import public as public
    from lpm_secure.models import rate as rate
    from lpm_secure.models import ratio as ratio
    from lpm_secure.models import stage as stage
    from lpm_secure.models import table as table
    from lpm_secure.models import where as where
    from lpm_secure.populations.population import Population as Population
    from lpm_secure.report.summary import Summary as Summary
    from lpm_secure.run.jobs import simulate_clear as simulate_clear
    from lpm_secure.run.jobs import simulate_private as simulate_private
    from lpm_secure.scenario.analyses.audits import audit as audit
    from lpm_secure.scenario.analyses.calibrations import calibrate as calibrate
    from lpm_secure.scenario.analyses.forecasts import amortise as amortise
    from lpm_secure.scenario.analyses.forecasts import assimilate as assimilate
    from lpm_secure.scenario.analyses.forecasts import evaluate as evaluate
    from lpm_secure.scenario.analyses.models import check_model as check_model
    from lpm_secure.scenario.analyses.populations import build_population as build_population
    from lpm_secure.scenario.analyses.populations import check_population as check_population
    from lpm_secure.scenario.analyses.populations import read_population as read_population
    from lpm_secure.scenario.analyses.populations import show_population as show_population
    from lpm_secure.scenario.analyses.risks import risk as risk
    from lpm_secure.scenario.analyses.studies import relax as relax
    from lpm_secure.scenario.analyses.studies import sensitivity as sensitivity
    from lpm_secure.scenario.analyses.studies import verify_gradients as verify_gradients
    from lpm_secure.scenario.analyses.tables import check_people as check_people
    from lpm_secure.scenario.analyses.tables import check_series as check_series
    from lpm_secure.scenario.analyses.tables import get_dataset as get_dataset
    from lpm_secure.scenario.results.analysis import Analysis as Analysis
    from lpm_secure.scenario.results.comparison import ScenarioComparison as ScenarioComparison
    from lpm_secure.scenario.results.result import Result as Result
    from lpm_secure.scenario.results.storage import list_runs as list_runs
    from lpm_secure.scenario.results.storage import open_result as open_result
    from lpm_secure.scenario.scenarios import compare as compare
    from lpm_secure.scenario.scenarios import sweep as sweep
    from lpm_secure.scenario.simulation import Simulation as Simulation
    from lpm_secure.scenario.simulation import load as load
    from protocols.toml_file import load_config as load_config

_AUTHORING: Final = (  # what the author of a model needs
    "LAW",
    "NUMBER",
    "PROBABILITY",
    "Draw",
    "Edge",
    "Heard",
    "Me",
    "Model",
    "Number",
    "cell",
    "cell_message",
    "clip",
    "field",
    "highest",
    "lowest",
    "maximum",
    "message",
    "minimum",
    "observable",
    "outcome",
    "parameter",
    "period",
    "private",
    "public",
    "rate",
    "ratio",
    "stage",
    "table",
    "where",
)
_MODULES: Final[Mapping[str, str]] = {
    "Config": "lpm_secure.config.simulation",
    "CityConfig": "lpm_secure.city.config",
    "Population": "lpm_secure.populations.population",
    "StageSeries": "lpm_secure.engine.series",
    "Summary": "lpm_secure.report.summary",
    "load_config": "protocols.toml_file",
    "simulate_city": "lpm_secure.city.job",
    "simulate_clear": "lpm_secure.run.jobs",
    "simulate_private": "lpm_secure.run.jobs",
    "ScenarioComparison": "lpm_secure.scenario.results.comparison",
    "Result": "lpm_secure.scenario.results.result",
    **dict.fromkeys(("list_runs", "open_result"), "lpm_secure.scenario.results.storage"),
    **dict.fromkeys(("compare", "sweep"), "lpm_secure.scenario.scenarios"),
    **dict.fromkeys(("Simulation", "load"), "lpm_secure.scenario.simulation"),
    **dict.fromkeys(("relax", "sensitivity", "verify_gradients"), "lpm_secure.scenario.analyses.studies"),
    **dict.fromkeys(("amortise", "assimilate", "evaluate"), "lpm_secure.scenario.analyses.forecasts"),
    **dict.fromkeys(
        ("build_population", "check_population", "read_population", "show_population"),
        "lpm_secure.scenario.analyses.populations",
    ),
    **dict.fromkeys(("check_people", "check_series", "get_dataset"), "lpm_secure.scenario.analyses.tables"),
    "Analysis": "lpm_secure.scenario.results.analysis",
    "audit": "lpm_secure.scenario.analyses.audits",
    "calibrate": "lpm_secure.scenario.analyses.calibrations",
    "check_model": "lpm_secure.scenario.analyses.models",
    "datasets": "lpm_secure.data.catalogue",
    "risk": "lpm_secure.scenario.analyses.risks",
    **dict.fromkeys(
        ("Environment", "InterventionSchedule", "PublicValue", "StepTotals", "ThresholdPolicy"),
        "lpm_secure.environments",
    ),
    **dict.fromkeys(_AUTHORING, "lpm_secure.models"),
}
__all__ = sorted(_MODULES)  # noqa: PLE0605 - names of a table


def public_name(name: str) -> Any:
    """Return what an exported name stands for, loaded now."""
    return getattr(importlib.import_module(_MODULES[name]), name)


if not TYPE_CHECKING:  # which would take any name for one that is there

    def __getattr__(name: str) -> Any:
        """Load an exported name."""
        if name not in _MODULES:
            raise AttributeError(f"lpm_secure has no {name}; it has {', '.join(_MODULES)}")
        return public_name(name)


def __dir__() -> list[str]:
    """Return the exported names, loaded or not, and what every module has; not what this one imports for itself."""
    return sorted({*_MODULES, *(name for name in globals() if name.startswith("__"))})
