"""Build the site of the pages, and check its links.

python -m tests.site FOLDER     FOLDER/html; exit code 1 where a link leads nowhere, or a page asks another server

zensical and mkdocstrings must be installed: `make site` does that in an environment of its own.
"""

import functools
import os
import re
import shutil
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urldefrag, urlsplit

import lpm_secure

ROOT = Path(__file__).parents[1]
RENAMED = {"README.md": "index.md", "CHANGELOG.md": "changelog.md", "CONTRIBUTING.md": "contributing.md"}
RENAMED |= {"SECURITY.md": "security.md"}
REFERENCE = "# Python\n\nThe names of `import lpm_secure as lpm`, each with what it takes, returns and raises.\n"


def main(folder: Path) -> int:
    """Gather, build, check."""
    shutil.rmtree(folder, ignore_errors=True)
    gather(folder / "pages")
    shutil.copyfile(ROOT / "docs" / "site.toml", folder / "zensical.toml")
    program = Path(sys.executable).with_name("zensical")
    done = subprocess.run([program, "build", "--strict"], cwd=folder, capture_output=True, text=True)
    if done.returncode:
        print(done.stdout + done.stderr)
        return 1
    wrong = [line for page in sorted((folder / "html").rglob("*.html")) for line in broken(page, folder / "html")]
    read = [links_of(page) for page in (folder / "html").rglob("*.html")]
    links = sum(len(page.links) for page in read)
    print("\n".join(wrong or [f"{len(read)} pages in {folder / 'html'}, whose {links:,} links lead somewhere"]))
    return int(bool(wrong))


def gather(pages: Path) -> None:
    """Copy all pages, and write the reference of the public names."""
    shutil.copytree(ROOT / "docs", pages, ignore=shutil.ignore_patterns("site.toml", "site.lock"))
    for name, target in RENAMED.items():
        (pages / target).write_text(within_site((ROOT / name).read_text()))
    for page in pages.rglob("*.md"):
        page.write_text(with_links(page.read_text(), page.parent.relative_to(pages)))
    names = (f"\n## `lpm.{name}`\n\n::: {module}.{name}\n" for name, module in sorted(lpm_secure._MODULES.items()))
    (pages / "reference.md").write_text(REFERENCE + "".join(names))


def within_site(text: str) -> str:
    """Rewrite links of the pages at the top to where the site has them."""
    text = re.sub(r"\]\(docs/", "](", text)
    for name, target in RENAMED.items():
        text = text.replace(f"]({name}", f"]({target}")
    return text


def with_links(text: str, folder: Path) -> str:
    """Make links of the pages that a page in a folder names between backticks."""

    def link(match: re.Match[str]) -> str:
        return f"[`{match[0].strip('`')}`]({os.path.relpath(match[1], folder)})"

    return re.sub(r"(?<!\[)`docs/([\w/]+\.md)`(?!\])", link, text)


class Links(HTMLParser):
    """What a page links to, loads, and has names for."""

    def __init__(self):
        super().__init__()
        self.links, self.loaded, self.names = [], [], set()

    def handle_starttag(self, tag, attributes):
        given = dict(attributes)
        self.names |= {given[key] for key in ("id", "name") if given.get(key)}
        if tag == "a" and given.get("href"):
            self.links.append(given["href"])
        if tag in ("script", "img", "iframe") and given.get("src"):
            self.loaded.append(given["src"])
        if tag == "link" and given.get("rel") in ("stylesheet", "preload", "preconnect"):
            self.loaded.append(given.get("href", ""))


@functools.cache
def links_of(page: Path) -> Links:
    """Read a page."""
    links = Links()
    links.feed(page.read_text())
    return links


def broken(page: Path, site: Path):
    """Yield what is wrong with a page."""
    links = links_of(page)
    for each in links.loaded:
        if urlsplit(each).netloc:
            yield f"{page.relative_to(site)} loads {each}"
    for link in links.links:
        path, fragment = urldefrag(link)
        if urlsplit(link).scheme or urlsplit(link).netloc:
            continue
        target = (site / path.lstrip("/") if path.startswith("/") else page.parent / unquote(path)) if path else page
        target = target / "index.html" if target.is_dir() else target
        if page.name == "404.html":
            continue
        if not target.exists():
            yield f"{page.relative_to(site)} links to {link}, which is not there"
        elif fragment and target.suffix == ".html" and unquote(fragment) not in links_of(target).names:
            yield f"{page.relative_to(site)} links to {link}, which has no such heading"


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1] if len(sys.argv) > 1 else "build/site")))
