"""Simulate real people without collecting their data: the names that a program of one's own begins with.

Each is loaded when it is first asked for, so that importing this package costs nothing.
"""

import importlib
from collections.abc import Mapping
from typing import Any, Final

_AUTHORING: Final = (  # what the author of a model needs
    "LAW",
    "NUMBER",
    "PROBABILITY",
    "Draw",
    "Heard",
    "Me",
    "Model",
    "Number",
    "cell_message",
    "clip",
    "field",
    "maximum",
    "message",
    "minimum",
    "observable",
    "outcome",
    "parameter",
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
    **dict.fromkeys(_AUTHORING, "lpm_secure.models"),
}
__all__ = sorted(_MODULES)  # noqa: PLE0605 - names of a table


def __getattr__(name: str) -> Any:
    """Load an exported name."""
    if name not in _MODULES:
        raise AttributeError(f"lpm_secure has no {name}; it has {', '.join(_MODULES)}")
    return getattr(importlib.import_module(_MODULES[name]), name)


def __dir__() -> list[str]:
    """Return the exported names, loaded or not, and what every module has."""
    return sorted({*globals(), *_MODULES})
