"""A long run's servers load compiled code before it begins, a short one's do not."""

import pytest

import aggregator.masking.carry.choice as fields
import aggregator.masking.trees.choice as trees
import protocols.masking.kernels.choice as kernels
from aggregator.masking import preparation
from protocols.masking.plan import MaskingPlan


@pytest.mark.parametrize(
    ("lacking", "loaded"), [((0, 0), [1, 1]), ((1, 0), [1, 1]), ((0, 1), [1, 0]), ((1, 1), [0, 0])]
)
@pytest.mark.parametrize("comparison", ["", "tree"])
def test_compiled_code_is_loaded_where_a_run_is_long(comparison, lacking, loaded, manifest_of, monkeypatch):
    plan = MaskingPlan(manifest_of(mode="outcome", comparison=comparison))
    of_comparisons, of_others = (fields, trees) if comparison else (trees, fields)
    steps, layout = plan.manifest.steps, plan.layout
    monkeypatch.setattr(preparation, "LEAST_WORDS", steps * layout.d * len(layout.own) + lacking[0])
    monkeypatch.setattr(preparation, "LEAST_COMPARISONS", steps * layout.n + lacking[1])
    for choice in (kernels, trees, fields):
        choice.fastest.cache_clear()
    preparation.prepare(plan)
    assert [choice.fastest.cache_info().currsize for choice in (kernels, of_comparisons)] == loaded
    assert not of_others.fastest.cache_info().currsize
