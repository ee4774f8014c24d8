"""What the site does beyond MkDocs: the same Markdown has to work on GitHub and here.

- Files outside ``docs`` that belong to the documentation become pages.
- Links to them lead to these pages, and links to other files of the repository lead to the repository.
- A paragraph that is nothing but a link to a video becomes a player.
"""

from __future__ import annotations

import posixpath
import re
from pathlib import Path

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

ROOT = Path(__file__).parents[1]
REPOSITORY = "https://github.com/robotmeta/robotmeta"
OUTSIDE = {
    "benchmarks.md": "benchmarks/README.md",
    "contributing.md": "CONTRIBUTING.md",
    "changelog.md": "CHANGELOG.md",
}
"""Pages of the site, and the files of the repository that they show."""

_FENCE = re.compile(r"(^```.*?^```$)", flags=re.DOTALL | re.MULTILINE)
_LINK = re.compile(r"\]\(([\w./-]+)(#[\w-]+)?\)")
_VIDEO = re.compile(
    r"^\[(?:!\[(?P<alt>[^\]]*)\]\((?P<poster>[^)]*)\)|(?P<text>[^\]]*))\]\((?P<file>[\w./-]+\.mp4)\)$", re.M
)
_ROLE = re.compile(r":(?:func|class|meth|attr|mod|data):(?=<code>)")


def on_files(files: Files, *, config: MkDocsConfig) -> Files:
    """Adds the pages that are files outside ``docs``."""
    for page, source in OUTSIDE.items():
        files.append(File.generated(config, page, abs_src_path=str(ROOT / source)))
    return files


def on_page_markdown(markdown: str, *, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Rewrites links and videos outside blocks of code."""
    uri = page.file.src_uri
    parts = _FENCE.split(markdown)
    return "".join(part if part.startswith("```") else relinked(with_players(part), uri) for part in parts)


def on_page_content(html: str, *, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Leaves out the roles of references in docstrings, which only Sphinx reads."""
    return _ROLE.sub("", html)


def relinked(markdown: str, page: str) -> str:
    """Markdown whose relative links lead to what the site has, or to the repository.

    Args:
        markdown: Text of the page, with links that hold in the repository.
        page: The page, such as ``results.md``.
    """
    folder = posixpath.dirname(OUTSIDE.get(page, f"docs/{page}"))
    pages = {source: name for name, source in OUTSIDE.items()}

    def link(match: re.Match[str]) -> str:
        target, anchor = posixpath.normpath(posixpath.join(folder, match[1])), match[2] or ""
        file = ROOT / target
        if target in pages:
            to = pages[target]
        elif target.startswith("docs/") and not file.is_dir():
            to = target.removeprefix("docs/")
        elif file.exists():
            return f"]({REPOSITORY}/{'tree' if file.is_dir() else 'blob'}/main/{target}{anchor})"
        else:
            return match[0]
        return f"]({posixpath.relpath(to, posixpath.dirname(page) or '.')}{anchor})"

    return _LINK.sub(link, markdown)


def with_players(markdown: str) -> str:
    """Markdown with a player in place of each paragraph that is a link to a video."""

    def player(match: re.Match[str]) -> str:
        poster = f' poster="{match["poster"]}"' if match["poster"] else ""
        video = f'<video controls preload="metadata"{poster} src="{match["file"]}"></video>'
        return f"<figure>{video}<figcaption>{match['alt'] or match['text']}</figcaption></figure>"

    return _VIDEO.sub(player, markdown)
