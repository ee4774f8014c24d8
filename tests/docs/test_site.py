"""The documentation site: it builds, its links lead somewhere, and it needs no network."""

from __future__ import annotations

import html.parser
import importlib.util
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest

from tests.pages import DOCS, built_site

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        importlib.util.find_spec("material") is None or importlib.util.find_spec("mkdocstrings") is None,
        reason="needs robotmeta[docs]",
    ),
]
_LOADING = {"script": "src", "img": "src", "video": "src", "source": "src", "iframe": "src"}
_LOADING_LINKS = {"stylesheet", "icon", "preconnect", "preload", "modulepreload", "prefetch", "manifest"}
_MEGABYTE = 1_000_000


class Html(html.parser.HTMLParser):
    """What a page loads, where its links lead, its anchors, and the text of its paragraphs."""

    def __init__(self, file: Path) -> None:
        super().__init__()
        self.loads: list[str] = []
        self.links: list[str] = []
        self.anchors: set[str] = set()
        self.videos = 0
        self.paragraphs: list[str] = []
        self._in_paragraph = False
        self.feed(file.read_text())

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = {name: value or "" for name, value in attrs}
        self.anchors |= {values[name] for name in ("id", "name") if name in values}
        self.videos += tag == "video"
        if tag in _LOADING and values.get(_LOADING[tag]):
            self.loads.append(values[_LOADING[tag]])
        if tag == "video" and values.get("poster"):
            self.loads.append(values["poster"])
        if tag == "link" and _LOADING_LINKS & set(values.get("rel", "").split()):
            self.loads.append(values["href"])
        if tag == "a" and "href" in values:
            self.links.append(values["href"])
        if tag == "p":
            self.paragraphs.append("")
        self._in_paragraph = tag == "p" or (self._in_paragraph and tag not in ("ul", "ol", "table", "pre", "div"))

    def handle_endtag(self, tag: str) -> None:
        self._in_paragraph = self._in_paragraph and tag != "p"

    def handle_data(self, data: str) -> None:
        if self._in_paragraph:
            self.paragraphs[-1] += data


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return built_site(tmp_path_factory.mktemp("site"))


@pytest.fixture(scope="module")
def pages(site: Path) -> dict[Path, Html]:
    """All pages but the one for addresses that do not exist, whose links are absolute."""
    return {file: Html(file) for file in site.rglob("*.html") if file.name != "404.html"}


def test_each_page_of_the_documentation_is_there(site: Path) -> None:
    for page in DOCS.rglob("*.md"):
        assert (site / page.relative_to(DOCS)).with_suffix(".html").exists()
    for page in ("benchmarks", "changelog", "contributing"):
        assert (site / f"{page}.html").exists()


def test_nothing_is_loaded_from_elsewhere(pages: dict[Path, Html]) -> None:
    for file, page in pages.items():
        assert not [address for address in page.loads if urlsplit(address).scheme or address.startswith("//")], file


def test_what_pages_load_and_link_to_is_there(pages: dict[Path, Html]) -> None:
    for file, page in pages.items():
        for address in (*page.loads, *page.links):
            parts = urlsplit(address)
            if parts.scheme or parts.netloc:
                continue
            target = (file.parent / unquote(parts.path)).resolve() if parts.path else file.resolve()
            assert target.is_file(), f"{file.name}: {address}"
            if parts.fragment and target.suffix == ".html" and parts.fragment != "__skip":
                assert unquote(parts.fragment) in pages[target].anchors, f"{file.name}: {address}"


def test_the_landing_page_with_its_first_picture_is_below_a_megabyte(site: Path, pages: dict[Path, Html]) -> None:
    index = site / "index.html"
    loaded = {(site / urlsplit(address).path).resolve() for address in pages[index.resolve()].loads}
    assert any(file.name == "before-after.png" for file in loaded)
    assert index.stat().st_size + sum(file.stat().st_size for file in loaded) < _MEGABYTE


def test_videos_are_played_on_their_pages(pages: dict[Path, Html]) -> None:
    shown = {file.name: page.videos for file, page in pages.items()}
    assert shown["families.html"] == (DOCS / "families.md").read_text().count(".mp4)")
    assert shown["vendor-robots.html"] == 1


def test_lists_and_tables_are_not_left_as_text(pages: dict[Path, Html]) -> None:
    for file, page in pages.items():
        for paragraph in page.paragraphs:
            assert "| ---" not in paragraph, file
            assert "\n- " not in paragraph, f"{file.name}: {paragraph[:200]}"


def test_the_reference_has_every_public_name(site: Path, pages: dict[Path, Html]) -> None:
    import robotmeta as rm

    anchors = pages[(site / "api.html").resolve()].anchors
    assert {f"robotmeta.{name}" for name in rm.__all__} <= anchors


def test_a_link_out_of_the_documentation_leads_to_the_repository(pages: dict[Path, Html]) -> None:
    by_name = {file.name: page.links for file, page in pages.items()}
    repository = "https://github.com/robotmeta/robotmeta"
    assert f"{repository}/blob/main/tests/training/test_kill.py" in by_name["reliability.html"]
    assert f"{repository}/tree/main/examples" in by_name["bring-your-own-robot.html"]
    assert "../benchmarks.html#targets" in by_name["by-family.html"]
