"""Functions of a model's author, on numbers and symbols alike, and mistakes in them."""

import numpy as np
import pytest

import lpm_secure as lpm
from lpm_secure.models import functions
from lpm_secure.models.tracer import trace
from protocols.errors import ModelError
from protocols.models.graph.draws import DrawSource
from protocols.models.graph.interpreter import Inputs, evaluate


class Sums(lpm.Model):
    """A number by each function."""

    x = lpm.private(0, 100)
    low = lpm.field(0, 100)
    high = lpm.field(0, 100)
    cut = lpm.field(10, 20)
    part = lpm.field(0, 100)
    entry = lpm.field(5, 9)

    def begin(self, me, draw):
        return me.set(
            low=functions.minimum(me.x, 50, 60),
            high=functions.maximum(me.x, 50),
            cut=functions.clip(me.x, 10, 20),
            part=functions.clip(functions.ratio(me.x, 2, 3), 0, 100),
            entry=functions.table(5, 7, 9)[functions.clip(me.x, 0, 2)],
        )

    def update(self, me, heard, draw):
        return me


def test_numbers_are_those_of_the_author():
    graph, x = trace(Sums).graph, np.array([0, 1, 15, 55, 100])
    assert graph.fields["cut"].low == 10
    known = {name: np.zeros(5, dtype=bool) for name in graph.fields}
    inputs = Inputs(
        dict.fromkeys(graph.fields, x), {}, DrawSource(np.arange(5, dtype=np.uint64), 0, (1, 2)), known=known
    )
    state = evaluate(graph, ("begin",), inputs)["begin"]
    assert state["low"].tolist() == [0, 1, 15, 50, 50]
    assert state["high"].tolist() == [50, 50, 50, 55, 100]
    assert state["cut"].tolist() == [10, 10, 15, 20, 20]
    assert state["part"].tolist() == (x * 2 // 3).tolist()
    assert state["entry"].tolist() == [5, 7, 9, 9, 9]


@pytest.mark.parametrize(
    ("wrong", "why"),
    [
        (functions.minimum, "minimum of nothing"),
        (functions.maximum, "maximum of nothing"),
        (functions.table, "at least one"),
        (lambda: functions.table(1, 0.5), "whole numbers"),
    ],
)
def test_a_mistake_is_one_line(wrong, why):
    with pytest.raises(ModelError, match=why):
        wrong()
