"""The audit of a folder, as a program asks for it."""

import pytest

from lpm_secure.scenario.analyses import audits
from protocols.errors import ParameterError


def test_a_run_without_an_index_has_not_ended_or_is_of_before_audits(tmp_path):
    (tmp_path / "manifest.sig").touch()
    with pytest.raises(ParameterError, match="has not ended, or is of a version of lpm-secure before commit cd739e0e"):
        audits.require_run(tmp_path)
