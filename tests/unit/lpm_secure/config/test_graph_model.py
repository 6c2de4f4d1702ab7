"""A model by its name, and parameters in its author's units: whole numbers, or one line of what is wrong."""

import math

import pytest

from lpm_secure.config.graph_model import encode_model, graph_model_of
from protocols.errors import ConfigError, ModelError, ParameterError

MODEL = """
import lpm_secure as lpm


class Rumour(lpm.Model):
    mind = lpm.stage("UNKNOWN", "KNOWN")
    wait = lpm.field(0, 2)
    start = lpm.parameter(0.25, unit=lpm.PROBABILITY)
    patience = lpm.parameter(2, bounds=(1, 2))
    speed = lpm.parameter(0.5, unit=lpm.rate(8), bounds=(0.25, 4.0))
    law = lpm.parameter((2**31, 2**31), unit=lpm.LAW)
    near = lpm.message(most=3)
    far = lpm.message(most=1, directed=True)
    hears = lpm.outcome({near: 1, far: speed}, above=wait)

    def begin(self, me, draw):
        wait = lpm.clip(draw.days(self.law, "wait"), 0, self.patience)
        return me.set(mind=lpm.where(draw.happens(self.start, "start"), "KNOWN", "UNKNOWN"), wait=wait)

    def says(self, me):
        return {self.near: lpm.where(me.mind == "KNOWN", 3, 0), self.far: me.mind == "KNOWN"}

    def update(self, me, heard, draw):
        return me.set(mind=lpm.where(heard[self.hears], "KNOWN", me.mind))
"""


@pytest.fixture(autouse=True)
def _rumours(tmp_path, monkeypatch):
    (tmp_path / "rumours.py").write_text(MODEL)
    monkeypatch.chdir(tmp_path)


def of(**given):
    return graph_model_of("rumours:Rumour", given)


def test_what_is_not_given_is_as_the_model_has_it():
    assert of().parameters == {"start": 2**30, "patience": 2, "speed": 128, "law": (2**31, 2**31)}
    assert of().contact_channels == ("far", "near")


def test_values_are_converted_by_the_units_of_their_parameters():
    given = of(start=0.5, patience=1, speed=1.5, law=(2**30, 2**31 + 2**30))
    assert given.parameters == {"start": 2**31, "patience": 1, "speed": 384, "law": (2**30, 2**31 + 2**30)}
    assert given.digest == of().digest  # the same model, with other values


def test_a_model_of_the_library_is_one_like_any_other():
    assert graph_model_of("lpm_secure.models.library.seir:SeirModel", {"initial": 0.5}).parameters["initial"] == 2**31


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"strat": 0.5}, r"has strat, which rumours:Rumour has not; did you mean start\?"),
        ({"x": 0.5}, r"has x, which rumours:Rumour has not; its parameters are: law, patience, speed, start"),
        ({"start": 1.5}, r"parameters.start is 1.5; it must lie in \[0, 1\]"),
        ({"start": -0.5}, r"parameters.start is -0.5; it must lie in \[0, 1\]"),
        ({"start": math.nan}, r"parameters.start is nan; it must lie in"),
        ({"patience": 3}, r"parameters.patience is 3; it must lie in \[1, 2\]"),
        ({"patience": 1.5}, r"parameters.patience is 1.5; it is a whole number"),
        ({"speed": 0.125}, r"parameters.speed is 0.125; it must lie in \[0.25, 4\]"),
        ({"law": 3}, r"parameters.law is 3; it is a list of whole numbers"),
        ({"start": (1, 2)}, r"parameters.start is \(1, 2\); it is one number"),
        ({"law": (0.5, 0.25)}, r"parameters.law is \[0.5, 0.25\]; .* or shares of 1"),
        ({"law": ()}, r"parameters.law is \[\]; it is a list of whole numbers"),
        ({"law": (2**33, 0)}, r"parameters.law has 0 to 8589934592; entries must lie in \[0, 4294967296\]"),
        ({"law": (1, 2)}, "law"),
        ({"law": (2**30,) * 4}, "law has 4 numbers; it must have 1 x 2"),
    ],
)
def test_a_wrong_parameter_is_one_line(given, said):
    with pytest.raises(ParameterError, match=said) as caught:
        of(**given)
    assert "\n" not in str(caught.value)


def test_no_such_model_is_one_line():
    with pytest.raises(ModelError, match="there is no model seis"):
        graph_model_of("seis", {})
    with pytest.raises(ModelError, match=r"is no lpm\.Model"):
        graph_model_of("rumours:Nobody", {})
    with pytest.raises(ConfigError, match="its parameters are: "):
        graph_model_of("lpm_secure.models.library.seir:SeirModel", {"speed": 1})


def test_a_graph_in_a_file_is_the_model_that_it_was_written_of(tmp_path):
    path = tmp_path / "rumour.json"
    path.write_bytes(encode_model(of(start=0.5)))
    assert graph_model_of(str(path), {}) == of(start=0.5)
    with pytest.raises(ConfigError, match="holds the values of all"):
        graph_model_of(str(path), {"start": 0.5})


@pytest.mark.parametrize("content", [b"", b"[]", b'{"kind": "graph"}', b"\xff"])
def test_a_file_that_is_no_graph_is_one_line(tmp_path, content):
    (tmp_path / "rumour.json").write_bytes(content)
    with pytest.raises(ModelError, match="is no file of a graph") as caught:
        graph_model_of(str(tmp_path / "rumour.json"), {})
    assert "\n" not in str(caught.value)
