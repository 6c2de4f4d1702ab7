"""A model in a population: where its channels meet, and whose columns its private ones are."""

from collections.abc import Mapping, Sequence
from typing import Any

from lpm_secure.config.synthetic import LinkConfig
from lpm_secure.engine.venues.channels import Setting, VenueChannels, VenueLink, Venues
from lpm_secure.populations.population import Population
from lpm_secure.populations.settings import select_settings
from protocols.errors import ConfigError
from protocols.models.graph import ModelGraph
from protocols.models.graph.draws import BEGIN, DrawSource, integer

Links = Mapping[str, Sequence[LinkConfig]]


def place_channels(
    population: Population, graph: ModelGraph, given: Links, *, what: str, cells: Setting | None = None
) -> VenueChannels:
    """Return where the channels of a model meet.

    Args:
        population: opened.
        graph: of the model.
        given: settings of each channel.
        what: names the table of these, for messages.
        cells: of the run, where channels of cells meet; without them each meets in a setting.

    Raises:
        ConfigError: a channel or a setting is not there, or a channel meets nowhere.
    """
    if graph.cell_field is not None:
        raise ConfigError(
            f"agents move between the cells of {graph.cell_field}, and a population's people stay in their venues; "
            "leave the population out"
        )
    free = [name for name, channel in graph.channels.items() if cells is None or not channel.cell]
    for name in given:
        if name not in free:
            raise ConfigError(
                f"{what} has {name}; the model's channels that meet in venues are {', '.join(free) or 'none'}"
            )
    for name in free:
        if not given.get(name):
            raise ConfigError(f'the channel {name} meets nowhere; say where: {name} = [{{ setting = "workplace" }}]')
    names = {link.setting for links in given.values() for link in links} or set(population.card.settings)
    settings = select_settings(population, names, what=what, places=True)
    place = {setting.name: at for at, setting in enumerate(settings)}
    links = {
        name: tuple(VenueLink(place[link.setting], link.scale, link.weights) for link in each)
        for name, each in given.items()
    }
    if cells is not None:
        links |= dict.fromkeys(set(graph.channels) - set(free), (VenueLink(len(settings)),))
        settings.append(cells)
    return VenueChannels(Venues.of(settings), links)


def columns_of(
    population: Population, graph: ModelGraph, ranges: Mapping[str, tuple[int, int]], source: DrawSource
) -> dict[str, Any]:
    """Return private columns: those of the population by their names, and others drawn from their ranges.

    Args:
        population: opened.
        graph: of the model.
        ranges: from which others are drawn, where these are not all of a column's range.
        source: of random words.

    Raises:
        ConfigError: a range of no such column, or out of the column's.
    """
    private = {name: each for name, each in graph.fields.items() if each.private}
    for name in ranges:
        if name not in private or name in population.card.columns:
            raise ConfigError(
                f"[columns] has {name}, which is no private column of the model, or one of the population"
            )
    columns: dict[str, Any] = {}
    for name, each in private.items():
        if name in population.card.columns:
            columns[name] = population.column(name)
            continue
        low, high = ranges.get(name, (each.low, each.high))
        if not each.low <= low <= high <= each.high:
            raise ConfigError(f"columns.{name} is [{low}, {high}]; it must lie in [{each.low}, {each.high}]")
        columns[name] = integer(source.words(f"column {name}", BEGIN), low, high)
    return columns
