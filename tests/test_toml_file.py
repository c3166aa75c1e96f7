"""TOML of users is bounded before it is parsed."""

import time

import pytest

from detectors.errors import ConfigError
from provenance.toml_file import MOST_BYTES, parse

DEEP = [
    "a = " + "[" * 33 + "]" * 33,
    "a = " + "{a=" * 33 + "1" + "}" * 33,
    "\n" + ".".join("a" * 34) + " = 1",
    "[" + ".".join("a" * 34) + "]",
    "[" * 500_000,
]
FLAT = [
    "a = " + "[" * 32 + "]" * 32,
    f"a = '{'[' * 40}'",
    f'a = "{"." * 40}"',
    f'a = """{"[" * 40}"""',
    f"a = '''{'[' * 40}'''",
    f"# {'[' * 40}",
    "a = [" + "[1.5, 2.5], " * 40 + "]",
    "a.b.c = 1\n" * 1 + "".join(f"d{n}.e = {{f = 1}}\n" for n in range(40)),
]


@pytest.mark.parametrize("text", DEEP)
def test_what_nests_too_deeply_is_refused(text: str) -> None:
    with pytest.raises(ConfigError, match=r"x\.toml:.: TOML nested more than 32 levels deep"):
        parse(text.encode(), "x.toml")


@pytest.mark.parametrize("text", FLAT)
def test_strings_and_comments_do_not_nest(text: str) -> None:
    assert parse(text.encode(), "x.toml").text == text


@pytest.mark.parametrize("unit", ['"""', "'''", '"', "a = '\\", 'a = "\\', "a.", "[", "a=[1,\n"])
def test_the_largest_file_takes_seconds_at_most(unit: str) -> None:
    data = (unit * MOST_BYTES)[:MOST_BYTES].encode()
    began = time.process_time()
    with pytest.raises(ConfigError):
        parse(data, "x.toml")
    assert time.process_time() - began < 5


def test_a_file_over_the_limit_is_refused() -> None:
    with pytest.raises(ConfigError, match="larger than 1 MiB"):
        parse(b"#" * (MOST_BYTES + 1), "x.toml")
