"""The plug-in as if pip had installed it: its package and an entry point on the path."""

import os
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[2] / "languages"


@pytest.fixture(scope="session")
def installed(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Return the PYTHONPATH with which the plug-in is found.

    What `pip install ./languages` would write besides, of a wheel of 65 MB that takes its time.
    """
    site = tmp_path_factory.mktemp("site")
    facts = site / "provenance_check_languages-0.1.0.dist-info"
    facts.mkdir()
    (facts / "METADATA").write_text("Name: provenance-check-languages\nVersion: 0.1.0\n")
    (facts / "entry_points.txt").write_text(
        "[provenance.detectors]\ntext_languages = provenance_languages:SPEC\n"
    )
    kept = filter(None, [os.environ.get("PYTHONPATH")])
    return os.pathsep.join([str(site), str(PACKAGE), *kept])
