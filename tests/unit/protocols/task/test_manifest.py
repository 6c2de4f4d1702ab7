"""The manifest: canonical, hashed, refused where it contradicts itself, and of one kind by its tag."""

import json
import re

import msgspec
import pytest

from lpm_secure.secure_sum.parties import NOWHERE, manifest_for
from protocols.errors import ManifestMismatch, ModelError, OtherVersion, ParameterError, WouldWrap
from protocols.task import manifest as manifests
from protocols.task.manifest import Simulation
from protocols.task.secure_sum.spec import SecureSum


def altered(manifest, **changes):
    """Return the bytes of a manifest with fields set, or removed where the value is `...`."""
    fields = json.loads(manifests.encode(manifest)) | changes
    return canonical({name: value for name, value in fields.items() if value is not ...})


def canonical(fields):
    return json.dumps(fields, separators=(",", ":")).encode()


def test_a_manifest_is_read_back_as_it_was_written(manifest_of):
    manifest = manifest_of(k=3, cells=(5, 7), engine=True)
    assert manifests.decode(manifests.encode(manifest)) == manifest


def test_reading_and_writing_gives_the_same_bytes(manifest_of):
    content = manifests.encode(manifest_of())
    assert manifests.encode(manifests.decode(content)) == content


def test_every_change_of_the_content_changes_the_id(manifest_of, seir):
    changes = [{}, {"steps": 5}, {"dt": 0.5}, {"k": 3}, {"min_cohort": 2}, {"testbed_seed": 8}, {"max_message": 99}]
    changes += [{"cells": (5,)}, {"engine": True}, {"model": seir(initial=1)}, {"testbed_seed": None}]
    ids = {manifests.run_id(manifest_of(**change)) for change in changes}
    assert len(ids) == len(changes)
    assert {len(each) for each in ids} == {32}


@pytest.mark.parametrize(
    "spoil",
    [
        lambda content: content + b" ",
        lambda content: b" " + content,
        lambda content: content.replace(b'"steps":4', b'"steps": 4'),
        lambda content: content.replace(b'"steps":4', b'"steps":4.0'),
        lambda content: content.replace(b'"dt":1.0', b'"dt":1'),
        lambda content: content.replace(b'"dt":1.0', b'"dt":1e0'),
        lambda content: content.replace(b'"name":"drawn"', b'"name":"dra\\u0077n"'),
        lambda content: content.replace(b'"steps":4', b'"steps":5,"steps":4'),
        lambda content: json.dumps(json.loads(content)).encode(),
        lambda content: canonical(dict(reversed(json.loads(content).items()))),
        lambda content: content.replace(b'"sharing":"additive",', b""),
    ],
    ids=[
        "trailing",
        "leading",
        "space",
        "float",
        "int",
        "exponent",
        "escape",
        "repeated key",
        "spaced",
        "order",
        "default left",
    ],
)
def test_another_spelling_of_the_same_content_is_refused(manifest_of, spoil):
    content = manifests.encode(manifest_of())
    spoiled = spoil(content)
    assert spoiled != content
    with pytest.raises(ParameterError, match=r"not in canonical form|cannot read the manifest"):
        manifests.decode(spoiled)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"colour": "red"}, "unknown field `colour`"),
        ({"steps": ...}, "missing required field `steps`"),
        ({"mode": ...}, "outcome mode needs a dealer"),
        ({"mode": "outcome"}, "outcome mode needs a dealer"),
        ({"mode": "all"}, "mode"),
        ({"edges": "visible"}, "edges"),
        ({"sharing": "none"}, "sharing"),
        ({"version": 3}, "format 3"),
        ({"steps": 0}, "steps"),
        ({"steps": 2**32 + 1}, "steps"),
        ({"period": 0}, "period"),
        ({"dt": 0.0}, "dt"),
        ({"max_message": 0}, "max_message"),
        ({"min_cohort": 0}, "min_cohort"),
        ({"cells": [0]}, "cells"),
        ({"round_timeout_s": 0.0}, "round_timeout_s"),
        ({"testbed_seed": -1}, "testbed_seed"),
        ({"name": "Drawn"}, "name"),
        ({"name": "../drawn"}, "name"),
        ({"name": ""}, "name"),
        ({"name": "a" * 64}, "name"),
        ({"clients": []}, "at least one client"),
    ],
    ids=lambda value: json.dumps(value, default=repr)[:30] if isinstance(value, dict) else "",
)
def test_a_field_that_is_unknown_missing_or_out_of_range_is_refused(manifest_of, changes, message):
    with pytest.raises(ParameterError, match=re.escape(message)):
        manifests.decode(altered(manifest_of(), **changes))


def test_a_name_that_ends_in_a_newline_is_refused(manifest_of):
    """`$` also matches before a last newline, and names become paths, log lines and certificates."""
    with pytest.raises(ParameterError, match="name"):
        manifests.decode(altered(manifest_of(), name="drawn\n"))
    parties = [{"name": "aggregator-0", "address": "localhost:1\n"}, {"name": "aggregator-1", "address": "h:2"}]
    with pytest.raises(ParameterError, match="address"):
        manifests.decode(altered(manifest_of(), aggregators=parties))


def test_an_unknown_key_deep_inside_is_refused(manifest_of):
    fields = json.loads(manifests.encode(manifest_of()))
    fields["model"]["gamma"] = 1
    with pytest.raises(ParameterError, match=r"unknown field `gamma` - at `\$\.model`"):
        manifests.decode(canonical(fields))


def test_one_aggregator_alone_is_refused(manifest_of):
    with pytest.raises(ParameterError, match="got k = 1 aggregators: additive sharing needs at least 2"):
        manifest_of(k=1)
    content = manifests.encode(manifest_of())
    one = json.loads(content)["aggregators"][:1]
    with pytest.raises(ParameterError, match="got k = 1 aggregators"):
        manifests.decode(altered(manifest_of(), aggregators=one))


def test_a_release_cannot_be_promised_over_more_clients_than_there_are(manifest_of):
    assert manifest_of(min_cohort=3).min_cohort == 3
    with pytest.raises(ParameterError, match="min_cohort is 4, but the run has 3 clients: set it lower"):
        manifest_of(min_cohort=4)


def test_an_agent_with_two_clients_or_twice_with_one_is_refused(manifest_of):
    for agents in ([(1, 2), (2, 3)], [(1, 1)]):
        with pytest.raises(ParameterError, match="an agent is listed twice"):
            manifest_of(agents)


def test_a_rate_for_every_channel_is_needed(manifest_of):
    with pytest.raises(ParameterError, match=r"channels \('near', 'far'\); the model tells on \('contact',\)"):
        manifest_of(channels=("near", "far"))


def test_a_manifest_of_another_version_of_the_model_is_refused(manifest_of):
    with pytest.raises(ManifestMismatch, match="another version of the model"):
        manifest_of(model_hash="0" * 64)
    with pytest.raises(ManifestMismatch):
        manifests.decode(altered(manifest_of(), model_hash="0" * 64))


def test_a_run_whose_totals_could_wrap_is_refused(manifest_of):
    with pytest.raises(WouldWrap, match="2\\*\\*63"):
        manifest_of(max_message=2**32, steps=2**10)
    with pytest.raises(ParameterError, match="2\\*\\*63"):
        manifests.decode(altered(manifest_of(), max_message=2**32, steps=2**10))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"beta": (-1,)}, "contact_rate is -1"),
        ({"cell_beta": -1}, "cell_rate is -1"),
        ({"latent": (1, 2)}, "latent_law: 2 weights add up to 3"),
        ({"infectious": ()}, "infectious_law is ()"),
        ({"infectious": (0,) * 2**15 + (2**32,)}, "infectious_law has 32769 numbers"),
        ({"initial": -1}, "initial is -1"),
        ({"initial": 2**32 + 1}, "initial is 4294967297"),
        ({"f": 0}, "a rate has 1 to 56 fraction bits"),
        ({"f": 57}, "a rate has 1 to 56 fraction bits"),
    ],
    ids=lambda value: str(value)[:20],
)
def test_a_parameter_of_the_model_out_of_its_range_is_refused(seir, changes, message):
    with pytest.raises((ParameterError, ModelError), match=re.escape(message)):
        seir(**changes)


def test_a_manifest_is_loaded_from_its_file_and_a_missing_file_is_one_line(manifest_of, tmp_path):
    path = tmp_path / "manifest.json"
    with pytest.raises(ParameterError, match=r"^cannot read the manifest .*manifest\.json: No such file or directory$"):
        manifests.load(path)
    path.write_bytes(manifests.encode(manifest_of()))
    assert manifests.load(path) == manifest_of()


@pytest.mark.parametrize("content", [b"", b"{}", b"[]", b"null", b"{", b"\xff\xfe", b"name = 1"])
def test_what_is_no_manifest_is_refused(content):
    with pytest.raises(ParameterError, match=r"^cannot read the manifest"):
        manifests.decode(content)


def test_a_manifest_above_the_bound_is_refused_before_it_is_parsed():
    with pytest.raises(ParameterError, match="at most 268435456 are allowed"):
        manifests.decode(bytes(manifests.MAX_BYTES + 1))


def test_a_manifest_cannot_be_changed(manifest_of):
    with pytest.raises(AttributeError):
        manifest_of().steps = 5
    assert msgspec.structs.replace(manifest_of(), steps=5).steps == 5


def sum_of(**changes):
    return manifest_for(("a", "b"), (2, 3), [NOWHERE] * 2, **{"rounds": 4, "min_cohort": 2} | changes)


def test_either_kind_is_read_back_as_it_was_written(manifest_of):
    for manifest, kind in ((manifest_of(), Simulation), (sum_of(), SecureSum)):
        again = manifests.decode(manifests.encode(manifest))
        assert again == manifest
        assert type(again) is kind


def test_a_tag_that_is_missing_or_of_no_task_is_refused(manifest_of):
    for manifest in (manifest_of(), sum_of()):
        for tag in ("", "calibration", "Simulation", "x" * 10_000):
            with pytest.raises(ParameterError, match="there are simulation and secure-sum") as refused:
                manifests.decode(altered(manifest, task=tag))
            assert len(str(refused.value)) < 300
        with pytest.raises(ParameterError, match="there are simulation and secure-sum"):
            manifests.decode(altered(manifest, task=...))
        with pytest.raises(ParameterError, match=r"^cannot read the manifest"):
            manifests.decode(altered(manifest, task=7))


@pytest.mark.parametrize("field", ["shape", "norm", "bits", "rounds"])
def test_a_simulation_has_no_field_of_a_sum(manifest_of, field):
    value = json.loads(manifests.encode(sum_of()))[field]
    with pytest.raises(ParameterError, match=f"unknown field `{field}`"):
        manifests.decode(altered(manifest_of(), **{field: value}))


@pytest.mark.parametrize("field", ["model", "steps", "cells", "channels", "mode", "engine", "testbed_seed"])
def test_a_sum_has_no_field_of_a_simulation(manifest_of, field):
    value = json.loads(manifests.encode(manifest_of()))[field]
    with pytest.raises(ParameterError, match=f"unknown field `{field}`"):
        manifests.decode(altered(sum_of(), **{field: value}))


def test_a_sum_has_a_dealer_where_its_security_is_active_and_else_none():
    active = sum_of(dealer=NOWHERE)
    assert manifests.is_active(active)
    assert active.signers == ("a", "b", "engine")
    for wrong in (altered(active, security="semi-honest"), altered(active, dealer=None)):
        with pytest.raises(ParameterError, match="has a dealer where its security is"):
            manifests.decode(wrong)
    assert [active.words(number) for number in (0, 1)] == [0, 6]
    assert [sum_of().words(number) for number in (0, 1)] == [6, 6]


def test_the_other_tag_makes_no_other_manifest(manifest_of):
    with pytest.raises(ParameterError, match=r"^cannot read the manifest"):
        manifests.decode(altered(manifest_of(), task="secure-sum"))
    with pytest.raises(ParameterError, match=r"^cannot read the manifest"):
        manifests.decode(altered(sum_of(), task="simulation"))


@pytest.mark.parametrize(
    ("changes", "reader"),
    [
        ({"version": 1, "task": ...}, "0.1.0 as of commit 43c3b14e"),
        ({"version": 1, "model": {"beta": [1]}}, "0.1.0 as of commit 73fd98ca"),
        ({"model": {"kind": "seir"}}, "0.1.0 as of commit 0a362e2"),
        ({"version": 3, "task": "a later one"}, "with a later lpm-secure"),
    ],
)
def test_a_manifest_of_another_version_says_in_one_line_which_reads_it(manifest_of, changes, reader):
    with pytest.raises(OtherVersion, match=reader) as refused:
        manifests.decode(altered(manifest_of(), **changes))
    assert "\n" not in str(refused.value)


def test_who_needs_the_other_kind_says_so_in_one_line(manifest_of):
    assert manifests.require_simulation(manifest_of()).steps
    assert manifests.require_sum(sum_of()).rounds == 4
    with pytest.raises(ParameterError, match=r"python -m client_sdk.institution"):
        manifests.require_simulation(sum_of())
    with pytest.raises(ParameterError, match="is a simulation"):
        manifests.require_sum(manifest_of())


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"rounds": 0}, ">= 1"),
        ({"shape": []}, "length >= 1"),
        ({"shape": [2, 0]}, ">= 1"),
        ({"norm": 0.0}, "> 0"),
        ({"shape": [2**16, 2**16]}, "at most 134217728"),
    ],
)
def test_a_sum_of_nothing_is_refused(changes, why):
    with pytest.raises(ParameterError, match=why):
        manifests.decode(altered(sum_of(), **changes))
