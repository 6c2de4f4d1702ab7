"""A long run's servers load compiled code before it begins, a short one's do not."""

import pytest

import aggregator.masking.trees.choice as trees
import protocols.masking.kernels.choice as kernels
from aggregator.masking import preparation
from protocols.masking.plan import MaskingPlan


@pytest.mark.parametrize(
    ("lacking", "loaded"), [((0, 0), [1, 1]), ((1, 0), [1, 1]), ((0, 1), [1, 0]), ((1, 1), [0, 0])]
)
def test_compiled_code_is_loaded_where_a_run_is_long(lacking, loaded, manifest_of, monkeypatch):
    plan = MaskingPlan(manifest_of(mode="outcome"))
    steps, layout = plan.manifest.steps, plan.layout
    monkeypatch.setattr(preparation, "LEAST_WORDS", steps * layout.d * len(layout.own) + lacking[0])
    monkeypatch.setattr(preparation, "LEAST_COMPARISONS", steps * layout.n + lacking[1])
    for choice in (kernels, trees):
        choice.fastest.cache_clear()
    preparation.prepare(plan)
    assert [choice.fastest.cache_info().currsize for choice in (kernels, trees)] == loaded
