"""The page in a browser: Chromium, driven by playwright; left out where either is missing."""

import io
import re
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from provenance.record import Record
from provenance.render.report import Report, write

sync = pytest.importorskip("playwright.sync_api")
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no Chromium is installed")
Make = Callable[..., Record]
Open = Callable[..., Any]
SECONDS = 60_000
"""Milliseconds for anything to be there."""
ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"]
HOSTILE = '</script><img src=x onerror="window.pwned=1">\nb.jpg'


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with sync.sync_playwright() as playwright:
        made = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        yield made
        made.close()


@pytest.fixture
def opened(
    browser: Any, run_of: Callable[..., Path], examples: list[Record], make: Make
) -> Iterator[Open]:
    """Open the page of all cases and a hostile one; fail where it asks for anything or breaks."""
    examples.append(make("plain", HOSTILE))
    run = run_of(examples, [["chatgpt-1.png", "DSC_0412.JPG"]])
    with (run / "report.html").open("wb") as file:
        write(Report(run), "html", file)
    address, noise, contexts = (run / "report.html").as_uri(), [], []

    def open_page(fragment: str = "", **how: Any) -> Any:
        context = browser.new_context(accept_downloads=True, **how)
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(SECONDS)
        page.on("request", lambda r: r.url.startswith((address, "blob:")) or noise.append(r.url))
        page.on("console", lambda said: noise.append(said.text))
        page.on("pageerror", lambda error: noise.append(str(error)))
        page.goto(f"{address}{fragment}")
        return page

    yield open_page
    for context in contexts:
        assert all(page.evaluate("window.pwned") is None for page in context.pages)
        context.close()
    assert noise == []


def names(page: Any) -> list[str]:
    """Return the names that the grid shows, in its order."""
    return [name.strip() for name in page.locator("#space .name").all_inner_texts()]


def counted(page: Any, words: str) -> None:
    """Wait until the page says how many items it shows: filters act a moment after typing."""
    page.get_by_role("status").filter(has_text=words).wait_for(timeout=SECONDS)


def test_the_highest_risk_comes_first_and_columns_sort(opened: Open) -> None:
    page = opened()
    risks = page.locator("#space .risk-cell").all_inner_texts()
    assert risks == ["high"] * 3 + ["review"] * 3 + ["inconclusive"] * 5 + ["low"]
    page.get_by_role("columnheader", name="Name").get_by_role("button").click()
    first = names(page)
    page.get_by_role("columnheader", name="Name").get_by_role("button").click()
    assert names(page) == first[::-1]
    assert first[1:3] == ["DSC_0412.JPG", "avatars/anna_k.jpg"]


def test_the_address_holds_the_view(opened: Open) -> None:
    page = opened()
    page.get_by_role("combobox", name="Risk").select_option("review")
    page.get_by_role("searchbox").fill("MARKED")
    counted(page, "1 of 12 items")
    fragment = page.evaluate("location.hash")
    again = opened(fragment)
    assert names(again) == ["marked.jpg"]
    assert again.get_by_role("combobox", name="Risk").input_value() == "review"
    again.get_by_role("button", name="Clear").click()
    counted(again, "12 of 12 items")


def test_a_click_right_after_typing_opens_the_row(opened: Open) -> None:
    page = opened()
    page.get_by_role("searchbox").fill("window.pwned")
    page.locator("#space .name span").click()
    said = page.get_by_role("region", name="Evidence").inner_text()
    assert r'</script><img src=x onerror="window.pwned=1">\nb.jpg' in said
    assert "No bank was given" in said


def test_the_keyboard_alone_reads(opened: Open) -> None:
    page = opened()
    page.get_by_role("columnheader", name="Group").get_by_role("button").focus()
    for key in ("Tab", "ArrowDown", "Enter"):
        page.keyboard.press(key)
    panel = page.get_by_role("region", name="Evidence")
    assert "anna_k.jpg" in panel.inner_text()
    page.keyboard.press("End")
    assert "DSC_0412.JPG" in panel.inner_text()
    page.keyboard.press("Escape")
    assert not panel.is_visible()
    assert page.evaluate("document.activeElement.getAttribute('role')") == "row"


def test_names_are_saved_so_that_each_is_one_line(opened: Open, tmp_path: Path) -> None:
    page = opened("#risk=inconclusive")
    with page.expect_download() as download:
        page.get_by_role("button", name="Save names").click()
    download.value.save_as(tmp_path / "names.txt")
    lines = (tmp_path / "names.txt").read_text().splitlines()
    assert lines[0] == "post.txt"
    assert lines[-1] == r'"</script><img src=x onerror=\"window.pwned=1\">\nb.jpg"'


def test_printing_holds_the_view_whole(opened: Open) -> None:
    page = opened("#risk=high")
    page.emulate_media(media="print")
    page.evaluate("dispatchEvent(new Event('beforeprint'))")
    table = page.get_by_role("table").inner_text()
    assert re.findall(r"chatgpt-1.png|anna_k.jpg|poster_final.jpg", table)
    assert "plain.jpg" not in table
    assert "no bank was given" in table


@pytest.mark.parametrize("colours", ["light", "dark"])
def test_a_narrow_window_never_scrolls_sideways(opened: Open, colours: str) -> None:
    page = opened(viewport={"width": 360, "height": 740}, color_scheme=colours)
    page.locator("#space .name").first.click()
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
    shot = Image.open(io.BytesIO(page.screenshot()))
    assert (shot.convert("L").getpixel((2, 2)) > 128) is (colours == "light")


def test_without_a_script_there_is_a_table(opened: Open) -> None:
    page = opened(java_script_enabled=False)
    assert page.get_by_role("table").get_by_role("row").count() == 1 + 6
    assert not page.get_by_role("grid").is_visible()
