"""The people and contacts that a configuration asks for: a data set's, a look-alike that says so, or one's own."""

import logging
from pathlib import Path
from typing import Final

import numpy as np

from client_sdk.private.calendar import steps_per_day
from client_sdk.private.files import channels_of
from lpm_secure.config.model import channel_names, exclusions
from lpm_secure.config.simulation import ClientColumn, Config
from lpm_secure.data import look_alike, workplace
from lpm_secure.data.contact_data import ContactData, by_step
from lpm_secure.data.survey import Survey, SurveyQuestions, read_survey
from protocols.errors import ConfigError, DataError
from protocols.models.agent_model import AgentModel, AgentSource

NOTICES: Final = logging.getLogger("lpm")  # for whoever waits; `lpm` prints them


def contacts_of(config: Config) -> ContactData:
    """Load people and contacts; where a data set cannot be reached, say so in one line and generate a look-alike."""
    if config.private.people is not None:
        return _own(config)
    return by_step(_data_set(config), steps_per_day(config.dt))


def survey_of(config: Config) -> Survey:
    """Read a configuration's own people and contacts.

    Raises:
        ConfigError: it has none.
        DataError: a table that cannot be used.
    """
    private = config.private
    if private.people is None:
        raise ConfigError('the configuration has no own people; give private.people = "people.csv"')
    model = config.run_model
    agents = model.agents
    channels = channel_names(config.model, model)
    asked = SurveyQuestions(
        agents.columns,
        channels_of(channels, agents),
        per_day=steps_per_day(config.dt),
        start=private.start,
        client=private.clients.column if isinstance(private.clients, ClientColumn) else None,
        cell=config.cells.column,
        drawn=private.columns,
        excluded=exclusions(config.model, config.gradient),
    )
    contacts = Path(private.contacts) if isinstance(private.contacts, str) else None
    survey = read_survey(Path(private.people), contacts, asked)
    _check_states(survey, agents)
    return survey


def _check_states(survey: Survey, agents: AgentModel) -> None:
    """Refuse what is known of people if no state of the model is like it.

    Raises:
        DataError: of the first such person, with file and row.
    """
    n = len(survey.ids)
    drawn = {spec.name: np.full(n, int(spec.low)) for spec in agents.columns if spec.default is None}
    source = AgentSource(np.arange(1, n + 1, dtype=np.uint64), (0, 0))
    try:
        agents.initial_state(source, {**drawn, **survey.data.columns})
    except DataError as error:
        raise DataError(f"{survey.people.place((error.row or 1) - 1)}: {error}") from error


def _own(config: Config) -> ContactData:
    """Return own people, and say what of their contacts a run does not take as it is."""
    survey = survey_of(config)
    if survey.one_sided_notice:
        NOTICES.warning("%s", survey.one_sided_notice)
    if survey.outside:
        NOTICES.warning("%s", survey.outside_notice)
    if survey.data.day.size and survey.data.day.min() >= config.steps:
        last, first = config.steps - 1, int(survey.data.day.min())
        NOTICES.warning("no contact is in the run's steps 0 to %d: the first is in step %d; start later", last, first)
    if survey.data.days < config.steps and survey.data.day.size:
        NOTICES.info("contacts are of %d steps, and the run has %d: they repeat", survey.data.days, config.steps)
    return survey.data


def _data_set(config: Config) -> ContactData:
    if config.private.dataset == "look_alike":
        return look_alike.look_alike(config.people_seed)
    try:
        return workplace.load()
    except DataError as error:
        NOTICES.warning("%s; going on with a GENERATED LOOK-ALIKE, which is not real data", error)
        return look_alike.look_alike(config.people_seed)
