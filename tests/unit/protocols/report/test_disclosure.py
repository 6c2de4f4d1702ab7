"""What a report says of disclosure: who learns what, and which releases are exact."""

import msgspec

from lpm_secure.config.graph_model import graph_model_of
from protocols.releases.query import Release, Releases
from protocols.report.disclosure import describe_disclosure, reveals_sums


def test_a_report_says_which_releases_are_exact_and_which_have_noise(manifest_of):
    noise = {"mechanism": "discrete-gaussian", "unit": "contribution", "epsilon": 1.0, "delta": 1e-6}
    each = (Release(name="incidence", sigma=4.5, **noise), Release(name="cells", sigma=7.0, times=9, **noise))
    noised = manifest_of(cells=(30,), steps=4, releases=Releases(each=each, rho=1.0))
    said = describe_disclosure(noised)
    assert "departures from S in every step (with noise of sigma 4.5)" in said
    assert "cell totals in every step (with noise of sigma 7)" in said
    assert "exact)" not in said
    assert "stage counts" not in said
    assert "stage counts in every step (exact), cell totals" in describe_disclosure(manifest_of(cells=(30,)))
    assert "cell totals" not in describe_disclosure(manifest_of())


def test_a_report_says_what_holders_learn_of_each_outcome_and_which_observables_are_released(manifest_of):
    waning = describe_disclosure(manifest_of(mode="outcome"))
    assert "each of its agents and steps, a bit: infection above a private threshold (told once)." in waning
    assert "Mode sum: each client learned the exact exposure" in describe_disclosure(manifest_of(mode="sum"))


def manifest(manifest_of, name, parameters=None, **more):
    model = graph_model_of(f"tests.user_models:{name}", parameters or {})
    return manifest_of(model=model, channels=model.contact_channels, max_message=4 * max(model.agents.most), **more)


def test_a_disclosure_names_each_outcome_and_says_so_where_sums_are_exact(manifest_of):
    banks = describe_disclosure(manifest(manifest_of, "Banks", mode="outcome"))
    alike = manifest(manifest_of, "Banks", mode="outcome", common_draws=2)
    assert "Its agents had the same draws in groups of 2" in describe_disclosure(alike)
    assert "same draws" not in banks
    assert "each of its agents and steps, a bit: ruin above a private threshold (told once)." in banks
    assert "stage counts in every step and totals of lost (exact)" in banks
    averaging = manifest(manifest_of, "Averaging", mode="outcome")
    assert reveals_sums(averaging)
    said = describe_disclosure(averaging)
    assert "the exact sum heard_from; the exact sum sum_heard. An exact sum says much about neighbours." in said
    cheapest = manifest(manifest_of, "Cheapest", mode="outcome")
    assert "any1 above a private threshold (told in each step)" in describe_disclosure(cheapest)
    assert not reveals_sums(cheapest)
    assert reveals_sums(msgspec.structs.replace(cheapest, mode="sum", dealer=None))


def test_of_mode_sum_nobody_is_told_of_exposures_where_a_model_has_none(manifest_of):
    crowds = manifest(manifest_of, "Crowds", mode="sum")
    model = graph_model_of("tests.user_models:Loner", {})
    alone = manifest_of(model=model, model_hash=model.digest, channels=(), mode="sum")
    assert not reveals_sums(alone)
    assert "no client learned anything of its agents' neighbours" in describe_disclosure(alone)
    assert reveals_sums(crowds)
    assert "the exact exposure of its agents in every step" in describe_disclosure(crowds)
