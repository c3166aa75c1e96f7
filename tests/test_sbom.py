"""The bill of materials is valid, names what an installation brings, and says whence bytes came."""

import json
import re
import tomllib
from hashlib import sha256
from pathlib import Path
from typing import Any

from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator

ROOT = Path(__file__).parent.parent
TEXT = (ROOT / "sbom.cdx.json").read_text("utf-8")
BILL: dict[str, Any] = json.loads(TEXT)
SETTINGS = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
PROJECT = SETTINGS["project"]
LIBRARIES = {each["name"]: each for each in BILL["components"] if each["type"] == "library"}
FILES = {each["name"]: each for each in BILL["components"] if each["type"] != "library"}


def test_it_is_cyclonedx_1_6() -> None:
    assert BILL["specVersion"] == "1.6"
    assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(TEXT) is None
    broken = TEXT.replace('"SHA-256"', '"SHA-255"', 1)
    assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(broken) is not None


def test_the_wheel_carries_it() -> None:
    wheel = SETTINGS["tool"]["hatch"]["build"]["targets"]["wheel"]
    assert wheel["sbom-files"] == ["sbom.cdx.json"]
    assert BILL["metadata"]["component"]["name"] == PROJECT["name"]


def test_it_names_every_package_that_an_installation_may_bring() -> None:
    extras = PROJECT["optional-dependencies"]
    lines = [*PROJECT["dependencies"], *(line for name, lines in extras.items()
             if name not in {"docs", "test"} for line in lines)]  # fmt: skip
    assert set(LIBRARIES) == {re.split(r"[\[<>=]", line)[0] for line in lines}
    required = {name for name, each in LIBRARIES.items() if each["scope"] == "required"}
    assert required == {re.split(r"[\[<>=]", line)[0] for line in PROJECT["dependencies"]}
    assert all(each["licenses"] for each in LIBRARIES.values())


def test_digests_of_files_are_theirs() -> None:
    assert len(FILES) > 10
    for name, each in FILES.items():
        (digest,) = each["hashes"]
        assert digest["content"] == sha256((ROOT / name).read_bytes()).hexdigest(), name


def test_weights_of_others_say_whose_they_are_and_their_notice_says_the_same() -> None:
    for room in ("models/encoder", "models/language_model"):
        file = FILES[f"detectors/{room}/weights.safetensors"]
        read = [each for each in file["pedigree"]["ancestors"] if "hashes" in each]
        notice = (ROOT / "detectors" / room / "NOTICE").read_text("utf-8")
        assert read
        assert all(each["hashes"][0]["content"] in notice for each in read)
        assert all(f"{each['name']} {each['version']}" in notice for each in read)
