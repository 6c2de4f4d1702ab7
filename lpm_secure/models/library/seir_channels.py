"""S-E-I-R along several contact channels, each with a rate of its own, in whatever fixed point a run asks for."""

from collections.abc import Mapping

from lpm_secure.models.declarations import Message, Parameter, field, message, outcome, parameter
from lpm_secure.models.library.doses import WEIGHT_BITS, LeakyVaccination
from lpm_secure.models.library.onset import LineList, WaningLineList, line_list_fields
from lpm_secure.models.library.seir import LARGEST_DRAW, SeirModel
from lpm_secure.models.library.seirs import Seirs
from lpm_secure.models.model import Me, Model
from lpm_secure.models.symbols import Number
from lpm_secure.models.units import rate


def rate_names(channels: int) -> tuple[str, ...]:
    """Return the names of the channels' rates, in the channels' order."""
    return ("contact_rate", *(f"contact_rate_{place:03}" for place in range(1, channels)))


def contact_model(
    bits: int, *, channels: int = 1, wanes: bool = False, doses: bool = False, listed: bool = False
) -> type[Model]:
    """Return the model for so many contact channels.

    Args:
        bits: fraction bits of rates; hazards have as many, and those of weights where there are private doses.
        channels: at least one.
        wanes: whether immunity does.
        doses: whether agents are vaccinated.
        listed: whether holders may know since when agents are ill, and how susceptible.
    """
    fine = bits + (WEIGHT_BITS if doses else 0)
    names = ("contact", *(f"contact_{place:03}" for place in range(1, channels)))
    more = {name: message(most=1) for name in names[1:]}
    rates = {name: parameter(0.0, unit=rate(bits)) for name in (*rate_names(channels), "cell_rate")}
    fields = line_list_fields(fine) if listed else {"tau": field(0, LARGEST_DRAW << fine)}
    told = (SeirModel.contact, *more.values(), SeirModel.mixing)
    terms: dict[Message, int | Parameter] = dict(zip(told, rates.values(), strict=True))

    def says(self: Model, me: Me) -> Mapping[Message, Number]:
        """Tell contacts on every channel, and the cell, whether the agent is infectious."""
        return dict.fromkeys(told, me.stage == "I")

    infection = outcome(terms, above=fields["tau"], threshold="restart" if wanes else "once")
    base = (WaningLineList if wanes else LineList) if listed else Seirs if wanes else SeirModel
    own = {"bits": fine, **fields, "infection": infection, "says": says, **more, **rates}
    return type("ContactSeir", (*((LeakyVaccination,) if doses else ()), base), own)
