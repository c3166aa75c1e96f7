"""Makes one site of the pages in docs/ and of those beside the code, as they stand.

In the site a page of docs/ lies at its name there, and every other file of the checkout that a page
links to at its path in the checkout; links are written for that. A link then leads to the same
text in the site as it does on the server of the repository.
"""

import posixpath
import re
from pathlib import Path, PurePosixPath

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

ROOT = Path(__file__).parent.parent
BESIDE = ("*.md", "detectors/*/card.md")
"""Pages that lie outside docs/."""
LINK = re.compile(r"(\]\()(?!\w+:|#)([^)#\s]+)")


def here(uri: str) -> str:
    """Return the path in the checkout of what has this name in the site."""
    return uri if (ROOT / uri).is_file() else f"docs/{uri}"


def there(path: str) -> str:
    """Return the name in the site of what has this path in the checkout."""
    return path.removeprefix("docs/")


def linked(uri: str, target: str) -> str:
    """Return the path in the checkout of what a page links to."""
    return posixpath.normpath(posixpath.join(posixpath.dirname(here(uri)), target))


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the pages beside the code, and what any page links to outside docs/."""
    pages = [path.relative_to(ROOT).as_posix() for find in BESIDE for path in ROOT.glob(find)]
    uris = [*pages, *(file.src_uri for file in files if file.is_documentation_page())]
    wanted = set(pages)
    for uri in uris:
        for _, target in LINK.findall((ROOT / here(uri)).read_text("utf-8")):
            wanted.add(linked(uri, target))
    for path in sorted(wanted):
        if not path.startswith("docs/") and (ROOT / path).is_file():
            files.append(File.generated(config, path, abs_src_path=str(ROOT / path)))
    return files


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:  # noqa: ARG001 - the names are mkdocs'
    """Write a page's links as they are in the site."""
    uri = page.file.src_uri
    folder = PurePosixPath(uri).parent.as_posix()

    def moved(match: re.Match[str]) -> str:
        return match[1] + posixpath.relpath(there(linked(uri, match[2])), folder)

    return LINK.sub(moved, markdown)
