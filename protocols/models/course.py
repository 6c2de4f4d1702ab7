"""The course of an infection in the staged model: its stages, what is drawn for it, and the laws by age."""

import enum
from typing import final

import msgspec

from protocols.arithmetic import distributions
from protocols.errors import ParameterError

Laws = tuple[tuple[int, ...], ...]  # one law of days for each age band, or a single one for all


@final
class CourseStage(enum.IntEnum):
    """Susceptible, exposed, infectious (asymptomatic, mild, in hospital), recovered, dead: values of `stage`."""

    S = 0
    E = 1
    A = 2
    M = 3
    H = 4
    R = 5
    D = 6


@final
class Kind(enum.IntEnum):
    """How an infection will go: drawn once for each, by age."""

    ASYMPTOMATIC = 0
    MILD = 1
    HOSPITAL = 2
    DEATH = 3


@final
class CoursePurpose(enum.IntEnum):
    """What a draw of the staged model is for; continues `philox.DrawPurpose`, whose numbers are below 16."""

    KIND = 16
    FIRST = 17
    SECOND = 18
    COMPLIANCE = 19
    TEST = 20
    VACCINE = 21


@final
class Course(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Laws of an infection, by age band.

    Attributes:
        kind: weights of the four kinds, in units of 2**-32.
        latent: days exposed.
        infectious: days asymptomatic or mild, of those who then recover.
        to_hospital: days mild before hospital.
        stay: days in hospital of those who recover.
        to_death: days in hospital of those who die.
    """

    kind: Laws
    latent: Laws
    infectious: Laws
    to_hospital: Laws
    stay: Laws
    to_death: Laws

    def __post_init__(self) -> None:
        """Check every law, and that all have the same number of bands.

        Raises:
            ParameterError: a law's weights do not add up, or bands differ.
        """
        for name in self.__struct_fields__:
            laws: Laws = getattr(self, name)
            for band, law in enumerate(laws):
                distributions.check_law(law, f"{name} of band {band}")
            if len(laws) not in (1, self.bands):
                raise ParameterError(f"{name} has {len(laws)} laws for {self.bands} age bands; give one each, or one")
        if {len(law) for law in self.kind} != {len(Kind)}:
            raise ParameterError(f"kind has other than {len(Kind)} weights; give one for each of {[*Kind.__members__]}")

    @property
    def bands(self) -> int:
        """How many age bands the laws tell apart."""
        return max(len(getattr(self, name)) for name in self.__struct_fields__)

    @property
    def longest(self) -> int:
        """The longest stay in any stage, in days."""
        names = ("latent", "infectious", "to_hospital", "stay", "to_death")
        return max(len(law) for name in names for law in getattr(self, name))
