"""JSON schemas of all files that a person writes, with the words of their types: editors complete and check by them."""

from collections.abc import Iterator, Mapping
from importlib import import_module
from types import MappingProxyType
from typing import Any, Final

import msgspec

from lpm_secure.project.documentation.explanation import explanations
from protocols.errors import ParameterError

KINDS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "run": "lpm_secure.config.simulation:Config",
        "fit": "lpm_secure.config.simulation:Config",
        "city": "lpm_secure.city.config:CityConfig",
        "calibration": "lpm_secure.calibration.config:CalibrationConfig",
        "evaluation": "lpm_secure.evaluation.config:EvaluationConfig",
        "risk": "lpm_secure.analysis.risk.config:RiskConfig",
        "gradients": "lpm_secure.analysis.sensitivity.config:GradientsConfig",
        "project": "lpm_secure.project.project_file:ProjectFile",
        "calibration-project": "lpm_secure.project.calibration.project_file:CalibrationProject",
        "policy": "protocols.task.policy:Policy",
        "client": "client_sdk.config:ClientConfig",
        "institution": "client_sdk.institution_config:InstitutionConfig",
        "aggregator": "aggregator.config:AggregatorConfig",
        "dealer": "aggregator.config:DealerFile",
        "engine": "lpm_secure.run.engine_config:EnginePartyConfig",
        "centre": "lpm_secure.calibration.centre.config:CentreConfig",
    }
)
TABLES: Final[Mapping[str, Mapping[str, str]]] = MappingProxyType(
    {"fit": {"fit": "lpm_secure.calibration.people.config:PeopleFit"}}  # what a kind has beside its type
)


def schema_of(kind: str) -> dict[str, Any]:
    """Return the JSON schema (draft 2020-12) of a kind of file.

    Raises:
        ParameterError: there is no such kind.
    """
    if kind not in KINDS:
        raise ParameterError(f"got {kind}; there are schemas of {', '.join(KINDS)}")
    fields = [(key, _type(path)) for key, path in TABLES.get(kind, {}).items()]
    top = _type(KINDS[kind])
    if fields:
        top = msgspec.defstruct(top.__name__, fields, bases=(top,), namespace={"__doc__": top.__doc__}, kw_only=True)
    schema = msgspec.json.schema(top)
    for each in _structs(msgspec.inspect.type_info(top), set()):
        described = schema["$defs"][each.__name__]
        described["description"] = (each.__doc__ or "").partition("\n")[0]
        for key, words in explanations(each).items():
            if (value := described["properties"].get(key)) is not None:
                described["properties"][key] = {**value, "description": words}
    schema = _with_ends(schema)
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", "title": f"lpm-secure: {kind}", **schema}


def _type(path: str) -> type[msgspec.Struct]:
    module, _, name = path.partition(":")
    found: type[msgspec.Struct] = getattr(import_module(module), name)
    return found


def _structs(info: Any, seen: set[type]) -> Iterator[type[msgspec.Struct]]:
    """Yield the structs that a type is made of, each once."""
    if isinstance(info, msgspec.inspect.StructType):
        if info.cls in seen:
            return
        seen.add(info.cls)
        yield info.cls
        for each in info.fields:
            yield from _structs(each.type, seen)
    elif isinstance(info, msgspec.inspect.Type):
        for name in info.__struct_fields__:
            value = getattr(info, name)
            for each in value if isinstance(value, tuple) else (value,):
                yield from _structs(each, seen)


def _with_ends(schema: Any) -> Any:
    r"""Return a schema whose patterns end in $: those of JSON schemas know no \Z."""
    if isinstance(schema, Mapping):
        ended = {key: _with_ends(value) for key, value in schema.items()}
        pattern = ended.get("pattern")
        return {**ended, "pattern": pattern.replace("\\Z", "$")} if isinstance(pattern, str) else ended
    return [_with_ends(each) for each in schema] if isinstance(schema, list) else schema
