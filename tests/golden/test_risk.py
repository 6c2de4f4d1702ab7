"""Everybody's own risk, before any noise, as each device keeps it, whatever is moved or renamed.

Source: frozen from this code, after it equalled the clear replay (tests/integration/test_risk.py). The hash is that of
each device's name and file, in the order of names.
"""

import hashlib
import json
from pathlib import Path

import pytest

CONFIGURATION = Path(__file__).parent / "configurations" / "risk.toml"
RISKS = "43a740f4a1a6406f49a373a971a645b1df75184eccddb85a92ff45a6ec9d0cad"


def hash_of_files(folder):
    """Return the hash of all risks below a folder; there are eighteen, and they differ."""
    files = sorted(folder.glob("person-*/risk.json"))
    assert len(files) == 18
    infected = [sum(json.loads(file.read_text())["before"]["infected"]) for file in files]
    assert len(set(infected)) > 3
    return hashlib.sha256(b"".join(file.parent.name.encode() + file.read_bytes() for file in files)).hexdigest()


def test_everybodys_risk_is_as_ever(devices):
    assert hash_of_files(devices(CONFIGURATION)) == RISKS


@pytest.mark.slow
@pytest.mark.timeout(900)  # audits both runs, and the build
def test_the_command_leaves_everybodys_risk_as_ever(lpm, tmp_path):
    lpm("risk", CONFIGURATION)
    (parties,) = (tmp_path / "runs").glob("risk-*/week/parties")
    assert hash_of_files(parties) == RISKS
