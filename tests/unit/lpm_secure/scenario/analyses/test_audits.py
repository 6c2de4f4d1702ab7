"""The audit of a folder, as a program asks for it."""

import pytest

from lpm_secure.scenario.analyses import audits
from lpm_secure.secure_sum.parties import NOWHERE, manifest_for
from protocols.errors import ParameterError
from protocols.report.disclosure import describe_cost, describe_disclosure


def test_a_run_without_an_index_has_not_ended_or_is_of_before_audits(tmp_path):
    (tmp_path / "manifest.sig").touch()
    with pytest.raises(ParameterError, match="has not ended, or is of a version of lpm-secure before commit cd739e0e"):
        audits.require_run(tmp_path)


def test_an_audit_of_a_secure_sum_tells_who_learned_what_as_the_page_of_a_kit_does():
    manifest = manifest_for(("a", "b"), (3,), [NOWHERE] * 2, rounds=2, min_cohort=2)
    said = audits._learned(manifest)[1:]
    assert said == [describe_disclosure(manifest), *describe_cost(manifest)]
    assert any("over at least 2 institutions" in line for line in said)
