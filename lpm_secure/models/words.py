"""Words and colours of what is shown of a run: chosen by the names of stages, whatever model they are of."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final, final


@final
@dataclass(frozen=True, slots=True)
class StageWords:
    """How a stage is shown: its word, and its colour."""

    word: str
    colour: str


@final
@dataclass(frozen=True, slots=True)
class DepartureWords:
    """How those are spoken of who leave the first stage.

    Attributes:
        column: of a series, how many left in a step, less those who came back.
        departures: the same as a title; `returns` where some may come back.
        returns: the title then.
        share: of figures, who is elsewhere at the end; None where nobody asks for it.
        share_once, share_again: the same in words, where nobody comes back, and where some may.
    """

    column: str
    departures: str
    returns: str
    share: str | None = None
    share_once: str = ""
    share_again: str = ""


STAGES: Final[Mapping[str, StageWords]] = MappingProxyType(
    {
        "S": StageWords("susceptible", "#4477aa"),
        "E": StageWords("exposed", "#ccbb44"),
        "I": StageWords("infectious", "#ee6677"),
        "R": StageWords("recovered", "#228833"),
    }
)
DEPARTURES: Final[Mapping[str, DepartureWords]] = MappingProxyType(
    {
        "S": DepartureWords(
            "incidence",
            "new infections",
            "new infections, less returns",
            "attack_rate",
            "attack rate",
            "not susceptible at the end",
        )
    }
)
SHARES: Final[Mapping[tuple[str, ...], tuple[str, str]]] = MappingProxyType({("S", "E", "I", "R"): ("prevalence", "I")})
COURSE: Final = ("S", "E", "A", "M", "H", "R", "D")
COURSE_WORDS: Final[Mapping[str, StageWords]] = MappingProxyType(  # of stages whose letters alone say less
    {
        **STAGES,
        "A": StageWords("asymptomatic", "#ee99aa"),
        "M": StageWords("mild", "#ee6677"),
        "H": StageWords("in hospital", "#aa3377"),
        "D": StageWords("dead", "#222222"),
    }
)
ARRIVALS: Final[Mapping[tuple[str, ...], Mapping[str, str]]] = MappingProxyType(
    {COURSE: {"E": "infections", "H": "admissions", "D": "deaths"}, ("S", "E", "I", "R"): {"E": "infections"}}
)
COLOURS: Final = (  # of other stages and observables, in their order; they differ for the colour-blind too
    "#4477aa",
    "#ee6677",
    "#228833",
    "#ccbb44",
    "#66ccee",
    "#aa3377",
    "#bbbbbb",
    "#332288",
    "#117733",
    "#882255",
)


def word_of(name: str) -> str:
    """Return how a stage or observable is called where people read."""
    return STAGES[name].word if name in STAGES else name


def colours_of(names: Sequence[str]) -> tuple[str, ...]:
    """Return a colour for each name: known stages have their own, the others take what these leave, in turn."""
    own = {STAGES[name].colour for name in names if name in STAGES}
    left = [colour for colour in COLOURS if colour not in own]
    others = [name for name in names if name not in STAGES]
    drawn = {name: left[place % len(left)] for place, name in enumerate(others)}
    return tuple(STAGES[name].colour if name in STAGES else drawn[name] for name in names)


def departure_words(first: str) -> DepartureWords:
    """Return the words for those who leave the first stage, by its name."""
    left = f"left {first}"
    return DEPARTURES.get(first) or DepartureWords(f"left_{first}", left, f"{left}, less returns")


def stage_words(stages: Sequence[str]) -> tuple[StageWords, ...]:
    """Return how the stages of one field are shown."""
    if tuple(stages) == COURSE:
        return tuple(COURSE_WORDS[name] for name in stages)
    return tuple(StageWords(word_of(name), colour) for name, colour in zip(stages, colours_of(stages), strict=True))


def arrival_words(stages: Sequence[str]) -> Mapping[str, str]:
    """Return the stages of one field of which arrivals are counted, and what these are called."""
    return ARRIVALS.get(tuple(stages)) or {name: f"to_{name}" for name in stages}


def shares(stages: Sequence[str], counts: Sequence[int]) -> str:
    """Return in one line what share of agents is in each stage; of known stages, the one that is asked for.

    Args:
        stages: names of one field's.
        counts: of agents in each.
    """
    n = max(sum(counts), 1)
    if tuple(stages) in SHARES:
        word, stage = SHARES[tuple(stages)]
        return f"{word} {counts[list(stages).index(stage)] / n:.1%}"
    return " ".join(f"{stage} {count / n:.0%}" for stage, count in zip(stages, counts, strict=True))
