"""The page of the service in a browser: Chromium, driven by playwright."""

import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

sync = pytest.importorskip("playwright.sync_api")
axe = pytest.importorskip("axe_playwright_python.sync_playwright")
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no Chromium is installed")
FIXTURES = Path(__file__).parents[3] / "fixtures"
ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"]
HOSTILE = "<img src=x onerror=window.pwned=1>.txt"
REMARK = "As an AI language model, I cannot do that."
SECONDS = 60_000
Open = Callable[..., Any]


@pytest.fixture(scope="module")
def served(serve: Callable[..., Any], tmp_path_factory: pytest.TempPathFactory) -> Any:
    folder = tmp_path_factory.mktemp("web")
    known = FIXTURES / "fakes" / "known" / "anna.jpg"
    command = [sys.executable, "-m", "provenance", "bank", "add", "--bank", "fakes.bank", known]
    subprocess.run(command, cwd=folder, env={"HOME": str(folder)}, check=True, capture_output=True)
    only = "credentials,metadata,known_fakes,text_marks"
    return serve("--only", only, "--bank", "fakes.bank", folder=folder)


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with sync.sync_playwright() as playwright:
        made = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        yield made
        made.close()


@pytest.fixture
def opened(browser: Any, served: Any) -> Iterator[Open]:
    """Open the page; fail where it asks for anything elsewhere, or breaks."""
    noise, contexts = list[str](), list[Any]()

    def open_page(width: int = 1280, scheme: str = "light", url: str = "", **how: Any) -> Any:
        context = browser.new_context(
            viewport={"width": width, "height": 800}, color_scheme=scheme, **how
        )
        contexts.append(context)
        page, own = context.new_page(), (url or served.url).partition("/#")[0]
        page.set_default_timeout(SECONDS)
        page.on("request", lambda r: r.url.startswith((own, "blob:")) or noise.append(r.url))
        page.on("pageerror", lambda error: noise.append(str(error)))
        page.add_init_script("window.print = () => { window.printed = true; }")
        page.goto(url or f"{served.url}/")
        return page

    yield open_page
    for context in contexts:
        assert all(page.evaluate("window.pwned") is None for page in context.pages)
        context.close()
    assert noise == []


def choose(page: Any, *files: object) -> None:
    page.locator("input[type=file]").set_input_files(list(files))


def article(page: Any, name: str) -> Any:
    """Return the article of a name, once it is no longer being looked at."""
    found = page.locator("article:not([aria-busy])").filter(has_text=name)
    found.wait_for()
    return found


def sound(page: Any) -> None:
    """Fail where the page is too wide, or axe finds something."""
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    broken = axe.Axe().run(page).response["violations"]
    assert [(rule["id"], rule["impact"], rule["nodes"]) for rule in broken] == []


@pytest.mark.parametrize(("width", "scheme"), [(360, "light"), (1920, "dark")])
def test_every_state_fits_and_can_be_read_by_everybody(
    opened: Open, width: int, scheme: str
) -> None:
    page, held = opened(width, scheme), list[Any]()
    assert page.locator("#empty").is_visible()
    sound(page)
    page.route("**/page/item**", lambda route: held.append(route))  # noqa: PLW0108 - it sets attributes
    choose(page, FIXTURES / "signed" / "capture-of-ai.jpg")
    page.get_by_role("progressbar", name="Checking capture-of-ai.jpg").wait_for()
    sound(page)
    held[0].continue_()
    page.unroute("**/page/item**")
    article(page, "capture-of-ai.jpg")
    choose(page, FIXTURES / "fakes" / "queries" / "anna_jpeg.jpg")
    article(page, "anna_jpeg.jpg").locator("summary").click()
    sound(page)
    page.route("**/page/item**", lambda route: route.abort())
    choose(page, FIXTURES / "signed" / "ai.jpg")
    page.get_by_role("alert").wait_for()
    assert "does not answer" in page.get_by_role("alert").inner_text()
    sound(page)


def test_a_file_gets_its_verdict_its_history_and_its_match_drawn(opened: Open) -> None:
    page = opened()
    choose(page, FIXTURES / "signed" / "capture-of-ai.jpg")
    said = article(page, "capture-of-ai.jpg")
    assert "It says things of itself that do not go together." in said.inner_text()
    assert said.locator(".tree .tree li, .tree ul li").count() >= 1
    assert page.get_by_role("status").inner_text().startswith("capture-of-ai.jpg: inconclusive.")
    choose(page, FIXTURES / "fakes" / "queries" / "anna_jpeg.jpg")
    match = article(page, "anna_jpeg.jpg")
    assert "Compare both pictures above" in match.inner_text()
    drawn = match.get_by_role("img", name='The match with "anna"')
    assert drawn.evaluate("image => image.naturalWidth") > 1000
    assert match.locator(":scope > img").evaluate("image => image.naturalWidth") > 0
    assert page.locator("article h2").all_inner_texts() == ["anna_jpeg.jpg", "capture-of-ai.jpg"]


def test_a_name_is_never_markup_and_what_cannot_be_read_is_said(opened: Open) -> None:
    page = opened()
    choose(
        page,
        {"name": HOSTILE, "mimeType": "text/plain", "buffer": b"words"},
        {"name": "broken.jpg", "mimeType": "image/jpeg", "buffer": b"\xff\xd8\xff\xe0broken"},
    )
    assert HOSTILE in article(page, "onerror").inner_text()
    assert page.locator("article img[src=x]").count() == 0
    assert "could not be" in article(page, "broken.jpg").inner_text()
    assert page.locator("article > img").count() == 0


def test_the_keyboard_alone_checks_a_text_and_removes_it(opened: Open) -> None:
    page = opened()
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.id") == "files"
    page.keyboard.press("Tab")
    page.keyboard.insert_text(REMARK)
    page.keyboard.press("Control+Enter")
    assert "Has words that AI assistants use" in article(page, "pasted text").inner_text()
    page.get_by_role("button", name="Remove: pasted text").focus()
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "files"
    assert page.locator("#empty").is_visible()


GIVEN = """([what, text, bytes]) => {
  const data = new DataTransfer();
  if (text) data.setData("text/plain", text);
  if (bytes) data.items.add(new File([new Uint8Array(bytes)], "given.jpg", { type: "image/jpeg" }));
  const Event = what === "paste" ? ClipboardEvent : DragEvent;
  const key = what === "paste" ? "clipboardData" : "dataTransfer";
  document.body.dispatchEvent(new Event(what, { [key]: data, bubbles: true, cancelable: true }));
}"""


@pytest.mark.parametrize("what", ["paste", "drop"])
def test_pictures_and_texts_are_pasted_and_dropped(opened: Open, what: str) -> None:
    page = opened()
    page.evaluate(GIVEN, [what, "", [*(FIXTURES / "signed" / "ai.jpg").read_bytes()]])
    assert "Declared as made with AI" in article(page, "given.jpg").inner_text()
    page.evaluate(GIVEN, [what, REMARK, None])
    assert "review" in article(page, "pasted text").inner_text()


def test_a_verdict_is_copied_as_text_and_printed(opened: Open) -> None:
    page = opened(permissions=["clipboard-read", "clipboard-write"])
    choose(page, FIXTURES / "signed" / "ai.jpg")
    said = article(page, "ai.jpg")
    said.get_by_role("button", name="Copy as text: ai.jpg").click()
    page.get_by_role("status").filter(has_text="Copied.").wait_for()
    copied = page.evaluate("navigator.clipboard.readText()")
    assert "What it does not mean" in copied
    assert "Declared as made with AI" in copied
    said.get_by_role("button", name="Print: ai.jpg").click()
    assert page.evaluate("window.printed")
    assert said.locator("details").get_attribute("open") is not None


def test_a_service_that_has_enough_to_do_is_asked_again(opened: Open) -> None:
    page, turned_away = opened(), list[int]()

    def answer(route: Any) -> None:
        if turned_away:
            route.continue_()
        else:
            turned_away.append(503)
            route.fulfill(status=503, headers={"Retry-After": "0"})

    page.route("**/page/item**", answer)
    choose(page, FIXTURES / "signed" / "ai.jpg")
    assert "Declared as made with AI" in article(page, "ai.jpg").inner_text()


def test_the_page_may_do_nothing_but_ask_its_own_service(served: Any) -> None:
    page = served.http.get("/")
    policy = page.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "connect-src 'self'" in policy
    assert "unsafe" not in policy
    assert "frame-ancestors 'none'" in policy
    assert page.headers["x-content-type-options"] == "nosniff"


def test_open_shows_the_page_to_whoever_it_invites_alone(
    serve: Callable[..., Any], opened: Open, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program, address = tmp_path / "browser", tmp_path / "address"
    program.write_text(f'#!/bin/sh\nprintf %s "$1" > {address}.new && mv {address}.new {address}\n')
    program.chmod(0o755)
    monkeypatch.setenv("BROWSER", f"{program} %s")
    served = serve("--open")
    for _ in range(1200):
        if address.exists():
            break
        time.sleep(0.1)
    url = address.read_text()
    assert served.http.post("/v1/check", content=b"words").status_code == 401
    page = opened(url=url)
    choose(page, FIXTURES / "signed" / "ai.jpg")
    assert "Declared as made with AI" in article(page, "ai.jpg").inner_text()
    assert page.url == f"{served.url}/"
    page.reload()
    choose(page, FIXTURES / "signed" / "ai.jpg")
    article(page, "ai.jpg")
    late = opened(url=url)
    late.get_by_text("counts once").wait_for()
    once = url.partition("=")[2]
    assert served.http.post("/page/session", content=once).status_code == 403
