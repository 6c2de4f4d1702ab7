"""Scores of a model's graph: what a manifest may ask for, in its author's names, and what is refused in one line."""

import msgspec
import pytest

import lpm_secure as lpm
from lpm_secure.models.library.doses import LeakyVaccination
from lpm_secure.models.library.opinion import Opinion
from lpm_secure.models.library.seir import SeirModel
from lpm_secure.models.tracer import trace
from protocols.errors import LpmError
from protocols.models.gradient import Gradient, HazardReduction
from protocols.models.graph.agents import GraphModel
from protocols.releases.query import NOISE, Release, Releases
from protocols.report.disclosure import describe_disclosure
from protocols.report.manifest_page import rows_of
from protocols.task.policy import outputs_of
from protocols.task.release_plan import ReleasePlan, releases_of

RELAXED = {"model": SeirModel, "given": {}, "gradient": {"way": "tangents", "parameters": ("initial",)}}


class OneWay(SeirModel):
    """Is told by those alone who are listed as its senders."""

    contact = lpm.message(most=1, directed=True)
    infection = lpm.outcome(
        {contact: SeirModel.contact_rate, SeirModel.mixing: SeirModel.cell_rate}, above=SeirModel.tau
    )


BACK = RELAXED | {"mode": "sum", "engine": True, "gradient": {"way": "adjoints", "parameters": ("initial",)}}
INNER = {"attention": 2**31, "wavering": 2**30}


@pytest.fixture
def manifest_for(manifest_of):
    """Return a function that makes the manifest of a model's run with a gradient."""

    def make(model=Opinion, mode="outcome", given=INNER, gradient=None, **changes):
        traced = trace(model)
        model = GraphModel(traced.graph, traced.parameters | given)
        asked = {"way": "score", "parameters": ("start", "leaning")} | (gradient or {})
        return manifest_of(
            model=model,
            model_hash=model.digest,
            channels=model.contact_channels,
            mode=mode,
            **{"min_cohort": 2, "gradient": Gradient(**asked)} | changes,
        )

    return make


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"gradient": {"way": "tangents"}}, "compares the level of the present step alone, which has no law"),
        ({"gradient": {"way": "adjoints"}}, "compares the level of the present step alone, which has no law"),
        (BACK | {"engine": False}, "adjoints start at the engine, and the run has none"),
        (BACK | {"gradient": {"way": "adjoints", "parameters": ()}}, "name each once, and at least one"),
        (BACK | {"mode": "outcome"}, "contacts, which infection adds up, carry no adjoints"),
        (BACK | {"model": OneWay}, "contacts on contact have a direction, and adjoints would go against it"),
        (RELAXED, "outcome mode tells no client its exposure, so contacts, which infection adds up, carry no tangents"),
        (RELAXED | {"mode": "sum", "gradient": {"way": "tangents", "parameters": ("mood",)}}, "no derivative by mood"),
        (
            RELAXED
            | {"model": LeakyVaccination, "mode": "sum", "gradient": {"way": "tangents", "parameters": ("days",)}},
            "no derivative by days: it acts through a comparison (less)",
        ),
        (
            RELAXED | {"mode": "sum", "gradient": {"way": "tangents", "parameters": ("initial",), "clip": 2.0**40}},
            "of all",
        ),
        ({"gradient": {"parameters": ("start", "mood")}}, "no score by mood: it is no parameter that the model reads"),
        ({"gradient": {"parameters": ("start", "start")}}, "name each once"),
        ({"gradient": {"parameters": ("start",) * 257}}, "got 257 parameters; a run has at most 256 scores"),
        ({"gradient": {"parameters": ()}}, "there are scores by attention, leaning, start, wavering"),
        ({"gradient": {"slopes": {"latent_law": (1.0,)}}}, "no slope of latent_law: no law of the score's parameters"),
        (
            {
                "model": SeirModel,
                "given": {},
                "gradient": {"parameters": ("initial", "latent_law"), "slopes": {"initial": ()}},
            },
            "no slope of initial: no law of the score's parameters; there are slopes of latent_law",
        ),
        (
            {
                "model": SeirModel,
                "given": {},
                "gradient": {"parameters": ("latent_law",), "slopes": {"latent_law": ()}},
            },
            "the slope of latent_law has 0 numbers, and the law",
        ),
        ({"gradient": {"reduction": HazardReduction(begin=0, end=2, share=0.5)}}, "reduction: of another way"),
        (
            {"given": {"wavering": 0}, "gradient": {"parameters": ("wavering",)}},
            "no score by wavering: it is 0, or rounds to it, where what cannot happen yet has no score; "
            "there are scores by leaning, start",
        ),
        ({"model": SeirModel, "given": {}, "gradient": {"parameters": ("contact_rate",)}}, "in mode sum alone"),
        ({"gradient": {"clip": 2.0**39}}, "could reach 2"),
        ({"min_cohort": 1}, "gradients are summed over at least 2 clients"),
        ({"min_count": 3}, "small counts are suppressed in runs without derivatives"),
        ({"releases": Releases(each=(Release(name="tally"),))}, "these cannot do without it"),
    ],
    ids=lambda value: str(value)[:40],
)
def test_what_a_graph_has_no_derivative_of_is_refused_in_one_line(manifest_for, changes, said):
    manifest_for()
    with pytest.raises(LpmError) as refusal:
        manifest_for(**changes)
    assert said in str(refusal.value)
    assert "\n" not in str(refusal.value)


def test_tangents_are_told_by_the_models_own_names(manifest_for):
    manifest = manifest_for(SeirModel, mode="sum", given={}, gradient={"way": "tangents", "parameters": ("initial",)})
    told = dict(rows_of(manifest))
    assert told["gradient.parameters"] == "initial"
    assert told["gradient.value_bits"] == "32"
    assert told["gradient.stays"] == "exact"
    assert "gradient.reduction" not in told


def test_in_sum_mode_a_level_has_a_score(manifest_for):
    given = {"model": SeirModel, "given": {}, "gradient": {"parameters": ("contact_rate", "latent_law")}}
    assert manifest_for(mode="sum", **given).gradient.p == 2


def test_a_score_is_told_by_the_models_own_names(manifest_for):
    manifest = manifest_for()
    assert "a score at the end by start, leaning (exact)" in describe_disclosure(manifest)
    rows = dict(rows_of(manifest))
    assert rows["gradient.parameters"] == "start, leaning"
    assert rows["gradient.changed_by_one_agent.start"] == "4.7619"
    assert not any("latent" in path or "infectious" in path for path in rows)
    assert outputs_of(manifest) == ("tally", "gradient")


def test_noise_covers_what_one_agent_changes_of_each_word(manifest_for):
    release = Release(name="score", mechanism=NOISE, sigma=3.0, times=2, unit="contribution", epsilon=9.0, delta=1e-6)
    given = {"gradient": {"clip": 8.0}, "steps": 4}
    noised = manifest_for(releases=Releases(each=(Release(name="tally"), release), rho=100.0), **given)
    start, leaning = noised.score_changes
    assert start == pytest.approx((1 / 0.3 + 1 / 0.7) * 2**24, abs=3)  # drawn once
    assert leaning == 2 * 8 * 2**24  # in every step, so it is clipped
    assert releases_of(noised).has_noise
    (_, record) = ReleasePlan.of(noised).records(4)
    assert (record.name, record.sensitivity, record.each) == ("score", start, 2)
    assert ReleasePlan.of(noised).records(3) == ReleasePlan.of(manifest_for(**given)).records(3)
    short = msgspec.structs.replace(release, times=1)
    with pytest.raises(LpmError, match="the score has 2 words"):
        manifest_for(releases=Releases(each=(Release(name="tally"), short), rho=100.0), **given)
