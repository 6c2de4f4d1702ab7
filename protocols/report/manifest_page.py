"""A manifest for people to read, whose signatures it has, and what differs between two."""

from pathlib import Path
from typing import Any, Final

import msgspec

from protocols.identity import signing
from protocols.models.gradient import OF_SCORES, OF_TANGENTS
from protocols.report.disclosure import describe_replicates, describe_security, describe_twins
from protocols.report.model_report import words_of
from protocols.report.overview import overview_lines
from protocols.report.terminal import align
from protocols.task import manifest as manifests
from protocols.task import signature as signatures
from protocols.task.manifest import Manifest, SimulationManifest

LONG: Final = 64  # characters of a value; longer ones are cut
MODEL: Final = "model."  # words about a model are not


def show_lines(path: Path) -> tuple[str, ...]:
    """Return what a manifest's file asks, in sentences, then a line for every field; its form alone is checked."""
    manifest = manifests.load(path)
    return (*overview_lines(manifest), "Every field", *align(rows_of(manifest)))


def verify_lines(path: Path, operator_key: str) -> list[str]:
    """Return who signed a manifest, until when it is valid, and the run's id.

    Args:
        path: of the manifest; signatures lie beside it.
        operator_key: of the run's operator, 32 bytes in base64, known from elsewhere.

    Raises:
        BadSignature, ParameterError: it is not what its operator signed, or not valid now; or a server's signature
            beside it is not of it.
    """
    content = signatures.load_verified(path, operator_key=signing.public_key_of(operator_key))
    trust = signatures.trust_of(content)
    beside = [name for name in trust.keys if signatures.countersignature_path(path, name).exists()]
    if beside:
        signatures.require_countersigned(path, content, beside)
    return [
        f"signed by {trust.operator}, valid until {trust.not_after:%F %T} UTC",
        f"signed by the operators of {', '.join(beside) or 'none'} of its servers {', '.join(trust.keys)}",
        f"run {manifests.run_id(content).hex()}",
    ]


def rows_of(manifest: Manifest) -> list[tuple[str, str]]:
    """Return every field of a manifest by its path, the run's id first; agents and keys shortened, a graph in words.

    Behind it stands in a sentence what its `security` means, and what its replicates and its twins tell.
    """
    run = [("run", manifests.run_id(manifest).hex()), ("who must not collude", describe_security(manifest))]
    twins = [("what twins tell", said)] if (said := describe_twins(manifest)) else []
    copies = [("what replicates tell", said)] if (said := describe_replicates(manifest)) else []
    return [*run, *copies, *twins, *_rows(_named_fields(manifest))]


def differences(one: Manifest, other: Manifest) -> list[tuple[str, str, str]]:
    """Return each field that differs: its path and both values, `-` where there is none."""
    mine, theirs = _flat("", _named_fields(one)), _flat("", _named_fields(other))
    paths = [*mine, *(path for path in theirs if path not in mine)]
    return [
        (path, _shown(path, mine.get(path, "-")), _shown(path, theirs.get(path, "-")))
        for path in paths
        if mine.get(path) != theirs.get(path)
    ]


def _named_fields(manifest: Manifest) -> dict[str, Any]:
    fields: dict[str, Any] = msgspec.to_builtins(manifest)
    for key in ("aggregators", "clients"):  # by name, so that one that is left out moves no other
        fields[key] = {party.pop("name"): party for party in fields[key]}
    if isinstance(manifest, SimulationManifest):
        fields["model"] = words_of(manifest.model)
        fields["gradient"] = manifest.gradient and _gradient(manifest, fields["gradient"])
    return fields


def _gradient(manifest: SimulationManifest, given: dict[str, Any]) -> dict[str, Any]:
    """Return what a graph's manifest says of derivatives, and by how much one agent can change each of its scores."""
    if manifest.require_gradient().relaxed:
        own = {key: given[key] for key in OF_TANGENTS if given.get(key) is not None}
        return {**own, "stays": given.get("stays", "exact")}
    unit, names = 2.0 ** given["tangent_bits"], given["parameters"]
    changes = {name: f"{change / unit:.6g}" for name, change in zip(names, manifest.score_changes, strict=True)}
    return {**{key: given[key] for key in OF_SCORES if given[key] != {}}, "changed_by_one_agent": changes}


def _rows(fields: dict[str, Any]) -> list[tuple[str, str]]:
    return [(path, _shown(path, value)) for path, value in _flat("", fields).items()]


def _flat(path: str, value: Any) -> dict[str, Any]:
    if isinstance(value, dict) and value:
        parts = [_flat(f"{path}.{key}" if path else str(key), inner) for key, inner in value.items()]
        return {key: leaf for part in parts for key, leaf in part.items()}
    return {path: value}


def _shown(path: str, value: Any) -> str:
    return value if path.startswith(MODEL) and isinstance(value, str) else _short(value)


def _short(value: Any) -> str:
    if isinstance(value, list | tuple):
        text = ", ".join(str(item) for item in value[:8])
        return f"{text}, ... ({len(value):,} in all)" if len(value) > 8 else text or "none"
    text = "none" if value is None else str(value)
    return text if len(text) <= LONG else f"{text[:LONG]}... ({len(text)} characters)"
