"""`project.toml` of a calibration: institutions with series, and a centre that fits one model by their sums."""

from pathlib import Path
from typing import Annotated, Final, final

import msgspec

from client_sdk.institution_config import CatchmentShare
from lpm_secure.calibration.centre.table import CalibrationTable
from lpm_secure.project.base_project import BaseProject
from protocols.identity.trust import Name
from protocols.task.parties import ENGINE
from protocols.toml_file import load_config

CALIBRATION: Final = "calibration"  # the table that makes a project one of a calibration


@final
class CentreEntry(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Who runs the engine of a calibration, its centre.

    Attributes:
        operator: who runs it.
    """

    operator: Name

    @property
    def name(self) -> str:
        """Return the engine's name, which is the same in every run."""
        return ENGINE


@final
class InstitutionEntry(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """An institution that takes part with a series of its own.

    Attributes:
        name: in the manifest and in its certificate.
        share: by place, of what there is in it what one expects to see in the institution, before having learnt it; a
            place that is left out has none. The institution may change its own in its kit, and nobody learns it.
    """

    name: Name
    share: Annotated[dict[str, CatchmentShare], msgspec.Meta(min_length=1)]


@final
class CalibrationProject(BaseProject, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What `lpm project` reads of a calibration; paths are relative to the file.

    Attributes:
        security: "active": with a dealer; each institution proves its gradient's norm, and one aggregator that lies
            reads nothing. "semi-honest": aggregators alone, which have to follow the protocol.
        dealer: where security is active, a server of a further operator, which sees no input.
        calibration: what is fitted, to which series, and how.
        engine: who runs the engine, which is the calibration's centre.
        clients: the institutions.
    """

    calibration: CalibrationTable
    engine: CentreEntry
    clients: tuple[InstitutionEntry, ...]

    @property
    def client_names(self) -> tuple[str, ...]:
        """Return the names of all institutions."""
        return tuple(client.name for client in self.clients)

    @property
    def engine_party(self) -> CentreEntry:
        """Return who runs the centre."""
        return self.engine


def load_calibration(path: Path) -> CalibrationProject:
    """Read a project's file; errors are ConfigError."""
    return load_config(path, CalibrationProject)
