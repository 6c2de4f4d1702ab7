"""What all releases of a run cost together, read off one ledger's file and held against closed forms."""

import hashlib
import math

import msgspec
import pytest

from lpm_secure.accounting import gaussian_epsilon
from lpm_secure.audit import privacy_cost, rules
from protocols.identity import signing
from protocols.releases import ledger
from protocols.releases.ledger import START, ReleaseRecord, RoundEvent, RoundRecord, StartEvent, head_after
from protocols.releases.query import Release, Releases
from protocols.task.release_plan import ReleasePlan
from protocols.task.rounds import Phase

STEPS = 6
DELTA = 1e-6


def noised(name, sigma, **changes):
    return Release(
        name=name, mechanism="discrete-gaussian", sigma=sigma, unit="contribution", epsilon=9.0, delta=DELTA, **changes
    )


@pytest.fixture
def written(manifest_of, seir, tmp_path):
    """Return a function that writes the ledger of a run with these releases, and returns what is read from it."""

    def write(*each, steps=STEPS):
        cells = any(release.name == "cells" for release in each)
        manifest = manifest_of(
            steps=STEPS,
            cells=(9,) * cells,
            model=seir(cell_beta=2**30 * cells),
            releases=Releases(each=each, rho=2**40),
        )
        key, head, path = signing.new_key(), START, tmp_path / "ledger.jsonl"
        events = [StartEvent(bytes(32), "aggregator-0")]
        for number in range(steps + 1):
            releases = ReleasePlan.of(manifest).records(number)
            agreed = RoundRecord(
                number=number, step=number, phase=int(Phase.SPEAK), members=("a",), refused=(), releases=releases
            )
            head = head_after(head, agreed)
            events.append(RoundEvent(agreed=agreed, absent=(), head=head))
        lines, previous = [], START
        for index, event in enumerate(events):
            lines.append(ledger.encode_line(index, previous, event, key))
            previous = hashlib.sha256(lines[-1]).digest()
        path.write_bytes(b"".join(lines))
        return rules.rounds(ledger.load(path, signing.public_of(key)))

    return write


@pytest.mark.parametrize(
    ("each", "squares"),
    [
        ((("incidence", 300.0, {}),), 300.0**-2),
        ((("cells", 600.0, {"times": STEPS}),), STEPS * 600.0**-2),
        ((("cells", 900.0, {"times": STEPS + 3, "sensitivity": 2}),), (STEPS + 1) * 4 * 900.0**-2),  # made fewer times
        ((("running", 3.0, {}),), 3.0**-2),
        ((("incidence", 400.0, {}), ("cells", 700.0, {"times": STEPS})), 400.0**-2 + STEPS * 700.0**-2),
        ((("running", 5.0, {}), ("cells", 300.0, {"times": STEPS})), 5.0**-2 + STEPS * 300.0**-2),
    ],
)
def test_wide_noise_of_all_releases_costs_together_what_the_closed_form_says(written, each, squares):
    found = privacy_cost.joint(written(*(noised(name, sigma, **more) for name, sigma, more in each)))
    closed = gaussian_epsilon(1 / math.sqrt(squares), DELTA)
    assert found.epsilon == pytest.approx(closed, rel=0.01, abs=3e-4)
    assert found.epsilon >= closed - 1e-4
    assert found.rho == pytest.approx(squares / 2)
    assert found.delta == DELTA
    assert found.releases == tuple(sorted(name for name, _, _ in each))


def test_sums_of_vectors_cost_what_the_continuous_law_says_for_they_count_in_norms():
    opened = ReleaseRecord("sum", "discrete-gaussian", sigma=1.17, unit="contribution", delta=DELTA)
    agreed = RoundRecord(number=1, step=1, phase=int(Phase.SPEAK), members=("a",), refused=(), releases=(opened,))
    [cost] = privacy_cost.costs([agreed] * 3).values()
    assert (cost.is_continuous, cost.multiplier) == (True, pytest.approx(1.17 / math.sqrt(3)))
    assert privacy_cost.joint([agreed]).epsilon == pytest.approx(4.09, abs=0.01)


def test_two_releases_cost_more_than_one_and_less_than_both_added_up(written):
    rules = noised("incidence", 4.22), noised("cells", 8.0, times=STEPS)
    whole = privacy_cost.joint(written(*rules))
    parts = [privacy_cost.joint([each]).epsilon for each in alone(written(*rules))]
    assert max(parts) < whole.epsilon < sum(parts)
    assert parts[0] == pytest.approx(1.0, abs=0.01)
    assert f"cells, incidence together: epsilon {whole.epsilon:.4g} at delta 1e-06" in str(whole)


def alone(rounds):
    """Yield one round with all of each release's cost: the first of two has the incidence alone."""
    for name, times in (("incidence", 1), ("cells", STEPS)):
        [opened] = [each for each in rounds[0].releases if each.name == name]
        yield msgspec.structs.replace(rounds[0], releases=(msgspec.structs.replace(opened, each=times),))


def test_a_run_that_stops_early_costs_less_where_its_rounds_are_counted(written):
    cells = noised("cells", 300.0, times=STEPS)
    assert privacy_cost.joint(written(cells, steps=1)).rho == pytest.approx(2 / (2 * 300.0**2))
    assert privacy_cost.joint(written(noised("running", 3.0), steps=1)).rho == pytest.approx(1 / 18)


def test_exact_releases_are_named_as_what_no_budget_covers(written):
    found = privacy_cost.joint(written(Release(name="tally"), noised("cells", 300.0, times=STEPS)))
    assert found.exact == ("tally",)
    assert str(found).endswith("; tally opened exact, with no bound")
    assert "no epsilon" in str(privacy_cost.joint(written(Release(name="tally"))))
