"""The figures of a run say of several replicates what each came to, and of one nothing twice."""

import numpy as np

from lpm_secure.engine.series import StageSeries
from lpm_secure.run.private_run import replicate_figures


def test_each_replicate_has_its_hash_and_its_last_counts():
    each = [StageSeries(np.array([[[9, 0], [0, 0]], [[7, ill], [0, 0]]]), 1.0, ("S", "I"), 2) for ill in (2, 3)]
    (one, other) = replicate_figures(each)["replicates"]
    assert (one["tally_private"], other["tally_private"]) == ({"S": 7, "I": 2}, {"S": 7, "I": 3})
    assert [one["sha256"], other["sha256"]] == [series.hash for series in each]
    assert "tally_synthetic" not in one
    assert replicate_figures(each[:1]) == {}
