"""The page of a population."""

import re

from lpm_secure.populations.show import page_of, page_path
from lpm_secure.report import page as pages


def test_the_page_of_plots_needs_no_network(city, tmp_path):
    page = page_path(tmp_path / "city.lpmpop")
    pages.write(page, page_of(city.card))
    text = page.read_text(encoding="utf-8")
    assert page.name == "city.lpmpop.html"
    assert not re.search(r"<(script|link|img)[^>]*(src|href)=[^> ]*//", text)
    assert (tmp_path / pages.SCRIPT).is_file()
    assert city.card.sha256 in text
