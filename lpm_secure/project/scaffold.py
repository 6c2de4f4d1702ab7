"""A first `project.toml`, in which every key is explained, for the run's operator to fill in."""

import datetime
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from lpm_secure.project.calibration.scaffold import calibration_text, write_first_tables
from lpm_secure.project.documentation.explanation import comment
from lpm_secure.project.project_file import ProjectFile
from protocols.atomic_file import write_atomically
from protocols.errors import ParameterError
from protocols.identity.trust import require_name

PROJECT: Final = "project.toml"
VALID: Final = datetime.timedelta(days=90)
HEAD: Final = """\
# A private simulation between institutions: who takes part, of what, and what it releases.
# Fill it in, then make a folder for each party:   lpm project kit project.toml --out kits
# A line such as "# dt = 0.5" shows what may be set: take the mark away.
"""
OPTIONAL: Final[Mapping[str, Any]] = {
    "dt": 0.5,
    "period": 7,
    "compare_contacts": False,
    "mode": "sum",
    "security": "active",
    "refuse_differencing": False,
    "comparison": "tree",
    "replicates": 20,
    "validity": "off",
    "edges": "permuted",
    "degree": 8,
    "engine_identity": "(base64)",
    "collusion_bound": 1,
    "testbed_seed": 1,
}
TABLES: Final = Path(__file__).parent / "first_tables.toml"


def write_project(name: str, folder: Path, *, calibration: bool = False) -> Path:
    """Write `NAME/project.toml` of a simulation or of a calibration, and return its path.

    Raises:
        ParameterError: no name of a run, or the folder is there.
    """
    place = folder / require_name(name)
    try:
        place.mkdir()
    except OSError as error:
        raise ParameterError(f"cannot make {place}: {error.strerror}; give another name") from error
    now = datetime.datetime.now(datetime.UTC)
    text = calibration_text(name, today=now, valid=VALID) if calibration else project_text(name, today=now)
    write_atomically(place / PROJECT, text.encode())
    if calibration:
        write_first_tables(place)
    return place / PROJECT


def project_text(name: str, *, today: datetime.datetime) -> str:
    """Return the file's content; it can be read as it is, and its addresses are nobody's."""
    begin = today.replace(hour=0, minute=0, second=0, microsecond=0)
    given = {
        "name": name,
        "operator": "ministry",
        "not_before": begin,
        "not_after": begin + VALID,
        "steps": 28,
        "start": begin.date(),
        "max_message": 300,
        "min_cohort": 3,
        "min_count": 5,
        "join_timeout_s": 600.0,
        "round_timeout_s": 60.0,
    }
    return "\n".join([HEAD, comment(ProjectFile, given, optional=OPTIONAL), TABLES.read_text(encoding="utf-8")])
