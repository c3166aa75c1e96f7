"""Write the bill of materials of the wheel: `python tools/sbom.py > sbom.cdx.json`.

CycloneDX 1.6 (ECMA-424): the packages that an installation may bring, with licence and range, and
every file of the wheel that is neither code nor prose, with its SHA-256, licence and what it was
taken from. The wheel carries it below `.dist-info/sboms/` (PEP 770). It holds no date and no
version that was merely found here, so that the same commit gives the same bytes.
"""

import json
import re
import tomllib
import uuid
from hashlib import sha256
from pathlib import Path
from typing import Any, Final

ROOT: Final = Path(__file__).parent.parent
PROJECT: Final = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
UPSTREAM: Final = tomllib.loads((ROOT / "tools" / "upstream.toml").read_text("utf-8"))
PROSE: Final = frozenset({
    "", ".css", ".html", ".jinja", ".js", ".json", ".md", ".py", ".sql", ".svg", ".toml", ".tsv",
    ".txt", ".typed",
})  # fmt: skip
"""Endings of what people wrote."""
REQUIREMENT: Final = re.compile(r"([\w.-]+)(?:\[[\w,]+\])?(.*)")
IDENTIFIER: Final = re.compile(r"[\w.+-]+")
NOT_SHIPPED: Final = frozenset({"docs", "test"})
"""Extras for those who work on the project."""


def version() -> str:
    """Return the version of this checkout."""
    text = (ROOT / "provenance" / "version.py").read_text("utf-8")
    return re.findall(r'__version__ = "(.+)"', text)[0]


def licences(said: str) -> list[dict[str, Any]]:
    """Return a licence as CycloneDX has it: an identifier, an expression, or a name."""
    if IDENTIFIER.fullmatch(said):
        return [{"license": {"id": said}}]
    parts = re.split(r", | or ", said)
    if all(IDENTIFIER.fullmatch(part) for part in parts):
        return [{"expression": (" OR " if " or " in said else " AND ").join(parts)}]
    return [{"license": {"name": said}}]


def told() -> dict[str, str]:
    """Return package → licence, from the page of dependencies."""
    page = (ROOT / "docs" / "dependencies.md").read_text("utf-8")
    found: dict[str, str] = {}
    for names, said in re.findall(r"^\| ([\w., -]+) \| ([^|]+) \|", page, re.MULTILINE):
        each, terms = names.split(", "), said.split("; ")
        found |= zip(each, terms if len(terms) == len(each) else terms * len(each), strict=True)
    return found


def packages() -> list[dict[str, Any]]:
    """Return the packages that an installation may bring, each once, with who asks for it."""
    asked: dict[str, tuple[str, list[str]]] = {}
    extras = PROJECT["optional-dependencies"]
    for extra, lines in {"": PROJECT["dependencies"], **extras}.items():
        for line in lines if extra not in NOT_SHIPPED else ():
            name, wanted = REQUIREMENT.fullmatch(line).groups()  # type: ignore[union-attr]
            asked.setdefault(name, (wanted, []))[1].append(extra)
    terms = told()
    return [
        {
            "type": "library", "bom-ref": f"pkg:pypi/{purl(name)}", "name": name,
            "scope": "required" if "" in wanting else "optional",
            "licenses": licences(terms[name]), "purl": f"pkg:pypi/{purl(name)}",
            "properties": [
                {"name": "provenance:requires", "value": wanted or "any version"},
                *({"name": "provenance:extra", "value": extra} for extra in wanting if extra),
            ],
        }
        for name, (wanted, wanting) in sorted(asked.items())
    ]  # fmt: skip


def purl(name: str) -> str:
    """Return a package's name as a package URL has it."""
    return re.sub(r"[-_.]+", "-", name).lower()


def shipped() -> list[str]:
    """Return the files of the wheel that are neither code nor prose."""
    return sorted(
        path.relative_to(ROOT).as_posix()
        for package in ("detectors", "provenance")
        for path in (ROOT / package).rglob("*")
        if path.is_file() and path.suffix not in PROSE and path.parent.name != "__pycache__"
    )


def files() -> list[dict[str, Any]]:
    """Return what ships as bytes: digest, licence, and what it was taken from."""
    names = shipped()
    if set(names) != UPSTREAM.keys():
        raise SystemExit(
            f"tools/upstream.toml: rows and files differ: {set(names) ^ set(UPSTREAM)}"
        )
    return [shipped_file(name, UPSTREAM[name]) for name in names]


def shipped_file(name: str, row: dict[str, Any]) -> dict[str, Any]:
    """Return a file that ships, as a component."""
    made = {
        "type": row["kind"], "bom-ref": name, "name": name, "description": row["name"],
        "hashes": [digest(sha256((ROOT / name).read_bytes()).hexdigest())],
        "licenses": licences(row["licence"]),
    }  # fmt: skip
    if row["from"]:
        made["pedigree"] = {"ancestors": [ancestor(each) for each in row["from"]]}
    return made


def digest(value: str) -> dict[str, str]:
    """Return a SHA-256 as CycloneDX has it."""
    return {"alg": "SHA-256", "content": value}


def ancestor(row: dict[str, str]) -> dict[str, Any]:
    """Return what a file was taken from, as a component."""
    made: dict[str, Any] = {"type": "file" if "file" in row else "data", "name": row["name"]}
    if "version" in row:
        made["version"] = row["version"]
    if "file" in row:
        made |= {"description": row["file"], "hashes": [digest(row["sha256"])]}
    made["licenses"] = licences(row["licence"])
    if "package" in row:
        made["purl"] = f"pkg:pypi/{purl(row['package'])}@{row['version']}"
    return made


def bill() -> dict[str, Any]:
    """Return the bill of materials."""
    ref = f"pkg:pypi/{PROJECT['name']}@{version()}"
    components = [*packages(), *files()]
    said = {
        "metadata": {
            "lifecycles": [{"phase": "pre-build"}],
            "component": {
                "type": "application", "bom-ref": ref, "name": PROJECT["name"],
                "version": version(), "description": PROJECT["description"],
                "licenses": licences(PROJECT["license"]), "purl": ref,
            },
        },
        "components": components,
        "dependencies": [{"ref": ref, "dependsOn": [each["bom-ref"] for each in components]}],
    }  # fmt: skip
    number = uuid.uuid5(uuid.NAMESPACE_URL, json.dumps(said, sort_keys=True))
    head = {"bomFormat": "CycloneDX", "specVersion": "1.6", "serialNumber": f"urn:uuid:{number}"}
    return {**head, "version": 1, **said}


if __name__ == "__main__":
    print(json.dumps(bill(), indent=1))
