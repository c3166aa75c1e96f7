"""Who may ask: tokens, names of hosts, pages of other sites."""

import base64
import hashlib
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

Run = Callable[..., Any]


def made(text: str) -> tuple[str, str]:
    """Return the token and the line that `--new-token` prints."""
    found = re.fullmatch(r"token: (\S+)\nline for the file of --tokens: (.+)\n", text)
    assert found is not None
    return found[1], found[2]


@pytest.fixture(scope="module")
def tokens(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("tokens") / "tokens"


@pytest.fixture(scope="module")
def served(serve: Callable[..., Any], tokens: Path) -> Any:
    tokens.write_text(f"# nobody\nother {'0' * 64}\n")
    return serve("--tokens", str(tokens), "--allowed-host", "check.example.org")


@pytest.fixture(scope="module")
def http(served: Any) -> httpx.Client:
    client: httpx.Client = served.http
    return client


def asked(http: httpx.Client, authorization: str | None) -> int:
    headers = {} if authorization is None else {"Authorization": authorization}
    return http.post("/v1/check", content=b"words", headers=headers).status_code


def basic(token: str) -> str:
    return f"Basic {base64.b64encode(f'anybody:{token}'.encode()).decode()}"


def test_a_new_token_counts_as_soon_as_the_file_has_it(
    run: Run, http: httpx.Client, tokens: Path
) -> None:
    token, line = made(run("serve", "--new-token", "site").stdout)
    assert line == f"site {hashlib.sha256(token.encode()).hexdigest()}"
    assert asked(http, f"Bearer {token}") == 403
    before = tokens.read_text()
    tokens.write_text(f"{before}{line}\n")
    assert asked(http, f"Bearer {token}") == 200
    assert asked(http, basic(token)) == 200
    wrong = ("wrong", line.split()[1], "0" * 64, token[:-1], token + "x", "site", "a" * 5000)
    assert {asked(http, f"Bearer {one}") for one in wrong} == {403}
    assert {asked(http, basic(one)) for one in wrong} == {403}
    tokens.write_text("no line\n")
    assert asked(http, f"Bearer {token}") == 403
    tokens.unlink()
    assert asked(http, f"Bearer {token}") == 403
    tokens.write_text(f"{before}{line}\n")
    assert asked(http, f"Bearer {token}") == 200


def test_what_was_not_made_here_counts_even_if_the_file_lists_it(
    http: httpx.Client, tokens: Path
) -> None:
    before = tokens.read_text()
    tokens.write_text(f"{before}weak {hashlib.sha256(b'changeme').hexdigest()}\n")
    assert asked(http, "Bearer changeme") == 403
    tokens.write_text(before)


@pytest.mark.parametrize("value", [None, "Bearer", "Basic x", "Digest a", "token"])
def test_without_a_token_nothing_is_told(http: httpx.Client, value: str | None) -> None:
    assert asked(http, value) == 401
    answer = http.get("/v1/records/" + "0" * 64)
    assert answer.status_code == 401
    assert answer.headers["www-authenticate"].startswith("Bearer")
    assert answer.headers["content-type"] == "application/problem+json"
    paths = ("/nothing", "/openapi.json", "/metrics", "/m/lookup")
    assert {http.get(path).status_code for path in paths} == {401}
    assert http.get("/healthz").json() == {"status": "ok"}
    assert http.get("/readyz").json() == {"status": "ready"}


def test_other_names_and_other_sites_are_turned_away(http: httpx.Client, served: Any) -> None:
    def get(**headers: str) -> int:
        said = {name.replace("_", "-"): value for name, value in headers.items()}
        return http.get("/healthz", headers=said).status_code

    good = ("localhost", "LOCALHOST.:80", "127.0.0.1:1", "check.example.org")
    assert {get(Host=name) for name in good} == {200}
    bad = ("evil.org", "127.0.0.1.evil.org", "localhost@evil.org", "127.0.0.2", "[::1]", "a:b", "")
    assert {get(Host=name) for name in bad} == {421}
    own = served.url.removeprefix("http://")
    assert get(Origin=f"http://{own}") == 200
    assert get(Origin="https://localhost", Host="localhost") == 200
    foreign = ("null", "http://evil.org", "http://127.0.0.1", f"http://{own}.evil.org", "")
    assert {get(Origin=origin) for origin in foreign} == {403}
    assert get(Sec_Fetch_Site="cross-site") == 403
    assert {get(Sec_Fetch_Site=site) for site in ("none", "same-origin", "same-site")} == {200}


def test_other_machines_need_tokens(run: Run, tmp_path: Path) -> None:
    for host in ("0.0.0.0", "::", "192.0.2.1", "example.org"):  # noqa: S104 - it must not
        done = run("serve", "--host", host, "--port", "0")
        assert (done.returncode, "--tokens" in done.stderr) == (2, True), host
    (tmp_path / "bad").write_text("name and no digest\n")
    for name in ("none", "bad"):
        done = run("serve", "--tokens", tmp_path / name, "--port", "0")
        assert done.returncode == 2
        assert str(tmp_path / name) in done.stderr
    assert run("serve", "--new-token", "two words").returncode == 2
