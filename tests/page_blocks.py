"""The fenced blocks of all pages: what runs each, and which are not run, with the reason.

A key is a page and a language, of all such blocks, or a page, a language and a number from 1, of one of them.
`tests/checks/test_page_blocks.py` holds these tables to be whole: a new block needs a line in one of them.
"""

import re
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[1]
TOP = ("README.md", "CONTRIBUTING.md", "SECURITY.md", "CHANGELOG.md")
PAGES = (*TOP, *sorted(path.relative_to(ROOT).as_posix() for path in (ROOT / "docs").rglob("*.md")))
FENCE = re.compile(r"^( *)(`{3,}|~{3,})([^\n]*)\n(.*?)^\1\2 *$", re.DOTALL | re.MULTILINE)

HERE = "tests/integration/test_page_blocks.py::"
OWN_SERIES = "tests/integration/test_own_series.py::"
HOSPITALS = "tests/integration/test_three_hospitals.py::"
RUN = {
    "README.md python 1": "tests/integration/test_notebooks.py::"
    "test_the_first_cells_of_the_readme_show_bands_and_compare",
    "README.md python 2": "tests/integration/test_readme.py::"
    "test_the_readme_runs_own_people_over_many_seeds_and_privately",
    "README.md python 3": "tests/integration/test_readme.py::test_the_client_of_the_readme_takes_part_in_a_run",
    "README.md sh 2": HERE + "test_a_new_model_runs_as_the_pages_say",
    "docs/calibration.md sh 2": OWN_SERIES + "test_the_commands_of_the_page_fit_these_tables_and_follow_weeks",
    "docs/calibration.md sh 3": OWN_SERIES + "test_the_commands_of_the_page_fit_these_tables_and_follow_weeks",
    "docs/calibration.md sh 4": HERE + "test_a_calibration_between_parties_is_begun_and_rehearsed",
    "docs/calibration.md toml 1": OWN_SERIES + "test_federated_draws_are_the_pooled_ones_up_to_fixed_point",
    "docs/calibration.md toml 2": HERE + "test_the_tables_of_a_calibration_are_read",
    "docs/calibration.md toml 3": HERE + "test_the_tables_of_a_calibration_are_read",
    "docs/calibration.md toml 4": HERE + "test_the_configurations_of_parties_are_read",
    "docs/data_dictionary.md toml": HERE + "test_the_configurations_of_parties_are_read",
    "docs/estimators.md python": "tests/conformance/estimators/test_relaxed_environments.py::"
    "test_a_network_is_trained_through_relaxed_runs_and_exact_runs_take_its_whole_numbers",
    "docs/estimators.md sh 1": HERE + "test_sensitivities_of_own_people_are_written",
    "docs/evaluation.md toml": HERE + "test_the_configuration_of_an_evaluation_is_read",
    "docs/live_page.md sh 2": HERE + "test_pages_are_served_as_the_page_says",
    "docs/own_people.md sh": HERE + "test_own_tables_are_looked_at_and_run",
    "docs/own_people.md toml 1": HERE + "test_own_tables_are_looked_at_and_run",
    "docs/own_people.md toml 2": HERE + "test_the_configurations_of_parties_are_read",
    "docs/own_people.md toml 3": HERE + "test_the_configurations_of_parties_are_read",
    "docs/policy.md toml": "tests/checks/test_reference_pages.py::test_every_policy_of_the_page_is_read",
    "docs/python.md python": "tests/integration/test_readme.py::"
    "test_the_cells_of_the_page_on_python_run_one_after_the_other",
    "docs/three_hospitals.md sh": HOSPITALS + "test_three_hospitals_run_with_noise_take_results_home_and_are_audited",
    "docs/thresholds_and_shares.md python": HERE + "test_the_blocks_on_thresholds_and_shares_hold_what_they_say",
    "docs/what_your_model_tells.md text": "tests/checks/test_library.py::"
    "test_what_the_page_shows_of_a_models_words_is_what_is_printed",
    "docs/write_a_model.md python": "tests/checks/test_write_a_model.py::test_the_models_of_the_page_pass_their_check",
    "docs/write_a_model.md text 1": "tests/checks/test_write_a_model.py::"
    "test_what_the_page_says_of_a_new_model_is_what_is_printed",
    "docs/write_a_model.md text 2": HERE + "test_a_new_model_runs_as_the_pages_say",
    "docs/write_a_model.md text 3": HERE + "test_a_new_model_runs_as_the_pages_say",
    "docs/write_a_model.md text 4": HERE + "test_a_new_model_runs_as_the_pages_say",
    "docs/write_a_model.md toml 1": HERE + "test_parameters_by_group_and_time_are_given_as_the_page_says",
    "docs/write_a_model.md toml 2": HERE + "test_a_new_model_runs_as_the_pages_say",
    "docs/write_a_model.md toml 3": "tests/checks/test_write_a_model.py::"
    "test_the_environment_of_the_page_does_what_it_says",
    "docs/write_a_model.md toml 4": HERE + "test_channels_of_a_city_are_given_as_the_page_says",
}
HOURS = "many minutes to hours of fits"
NOT_RUN = {
    "README.md text": "a drawing",
    "README.md sh 1": "`make test` is what CI calls, and runs this; `make demo` is run by hand before each release",
    "CONTRIBUTING.md sh": "starts tests, and CI calls the checks",
    "docs/amortisation.md sh": f"{HOURS}; a small one is tests/integration/test_amortise_command.py",
    "docs/calibration.md sh 1": "3 to 4 minutes; with fewer rounds tests/integration/test_calibrate.py",
    "docs/calibration.md sh 5": "minutes; a smaller one is tests/integration/test_people_fit.py",
    "docs/city.md text": "a drawing",
    "docs/estimators.md text": "a formula",
    "docs/estimators.md sh 2": "14 minutes of differences; small problems: tests/integration/test_gradient_commands.py",
    "docs/estimators.md sh 3": "7 minutes of differences, as the one before",
    "docs/estimators.md sh 4": "minutes of differences, as the ones before",
    "docs/estimators.md sh 5": "minutes of differences, as the ones before",
    "docs/evaluation.md sh": f"{HOURS}; figures of the second line: tests/integration/test_hospital_forecasts.py",
    "docs/flower.md text": "a drawing",
    "docs/flower.md sh": "a node on a machine of its own, which needs its operator's certificates",
    "docs/live_page.md sh 1": "asks a registry; `make dist` installs the distributions with these extras",
    "docs/private_gradients.md text": "formulas",
    "docs/private_gradients.md sh": "hours; scores are held by tests/statistical/test_model_scores.py",
    "docs/security/outcomes.md text": "formulas",
}


@dataclass(frozen=True, slots=True)
class Block:
    """A fenced block: of which page, in which language, the how manieth of these there, in which line."""

    page: str
    language: str
    number: int
    line: int
    text: str

    @property
    def keys(self):
        """Return the names by which a table may have it."""
        return f"{self.page} {self.language}", f"{self.page} {self.language} {self.number}"

    @property
    def commands(self):
        """Return the lines of a shell block, without comments."""
        lines = (re.sub(r"(^|\s)#.*", "", line).strip() for line in self.text.splitlines())
        return [line for line in lines if line]


def blocks_of(page, language=None):
    """Return the blocks of a page, or those in one language."""
    text, numbers, made = (ROOT / page).read_text(), {}, []
    for match in FENCE.finditer(text):
        kind = match[3].strip()
        numbers[kind] = numbers.get(kind, 0) + 1
        made.append(Block(page, kind, numbers[kind], text.count("\n", 0, match.start()) + 1, match[4]))
    return [block for block in made if language in (None, block.language)]
