"""A policy file is the user's: what is wrong is named by line, and it cannot break rules."""

import hashlib
from pathlib import Path

import pytest

from detectors.catalog import BUILT_IN
from detectors.errors import ConfigError
from provenance import toml_file
from provenance.record import Risk
from provenance.verdict import load, names

GOOD = """\
prior = 0.02
trust_lists = ["interim"]

[required]
images = ["credentials"]
texts = []

[[rows]]
tier = "credential"
claim = ["ai_generated"]
floor = "high"

[[rows]]
tier = "statistical"
min_log10_lr = 2.0
floor = "review"
"""


def test_built_in_policies_load_and_name_their_detectors() -> None:
    assert names() == ["default", "newsroom", "posts", "profile-photos"]
    for name in names():
        policy = load(name, DETECTORS)
        assert (policy.name, policy.stamp.name) == (name, name)
        assert policy.summary
        assert {row.floor for row in policy.rows} >= {Risk.HIGH, Risk.REVIEW}


def test_a_users_file_is_named_by_its_stem_and_digest(tmp_path: Path) -> None:
    file = tmp_path / "desk.toml"
    file.write_text(GOOD)
    policy = load(str(file))
    assert (policy.name, policy.prior, policy.min_ppv) == ("desk", 0.02, 0.5)
    assert policy.trust_lists == ["interim"]
    assert policy.sha256 == hashlib.sha256(GOOD.encode()).hexdigest()


def test_a_missing_file_lists_the_built_in_names() -> None:
    with pytest.raises(ConfigError, match=r"neither a built-in policy \(default, newsroom"):
        load("nowhere.toml")


DETECTORS = [spec.name for spec in BUILT_IN]
WRONG = [
    ("prior = 0.02", "prior = 2", 1, "Expected `float` < 1"),
    ("prior = 0.02", "prior = ", 1, "not TOML"),
    ("min_log10_lr = 2.0", "min_log10_lr = 0.29", 15, "Expected `float` >= 0.3"),
    ("prior = 0.02\n", "", 1, "'prior' is missing"),
    ("prior = 0.02", "priro = 0.02", 1, "unknown key 'priro'; did you mean 'prior'?"),
    ("images = [", "pictures = [", 5, "unknown key 'pictures'; use one of images, texts"),
    ('["credentials"]', '["credential"]', 5, "did you mean 'credentials'?"),
    ('claim = ["ai_generated"]', 'claims = ["ai_generated"]', 10, "did you mean 'claim'?"),
    ('claim = ["ai_generated"]', 'claim = ["ai_genrated"]', 10, "did you mean 'ai_generated'?"),
    ('claim = ["ai_generated"]', 'detector = ["metdata"]', 10, "did you mean 'metadata'?"),
    ('claim = ["ai_generated"]', 'state = ["absent"]', 8, "rule 7"),
    ('claim = ["ai_generated"]', 'outcome = "clear"', 10, "unknown key 'outcome'"),
    ('claim = ["ai_generated"]', "min_log10_lr = 1.0", 8, "rule 6"),
    ('floor = "high"', 'floor = "hihg"', 11, "unknown word 'hihg'; did you mean 'high'?"),
    ('floor = "high"', 'floor = "low"', 8, "rule 9"),
    ('tier = "credential"', 'tier = "match"', 8, "rule 14"),
    ('tier = "credential"', 'tier = "metadata"', 8, "rule 5"),
    ('tier = "credential"', 'tier = "coordination"', 8, "rule 5"),
    ('tier = "statistical"', 'tier = "statistics"', 14, "did you mean 'statistical'?"),
    ('floor = "review"', 'floor = "high"', 13, "statistical evidence never gives high"),
    ("min_log10_lr = 2.0\n", "", 13, "rule 6"),
    ('floor = "review"', "floor = 3", 16, "Expected `str`, got `int`"),
]


@pytest.mark.parametrize(("old", "new", "line", "said"), WRONG)
def test_what_is_wrong_is_named_with_its_line(
    tmp_path: Path, old: str, new: str, line: int, said: str
) -> None:
    (tmp_path / "desk.toml").write_text(GOOD.replace(old, new))
    with pytest.raises(ConfigError) as error:
        load(str(tmp_path / "desk.toml"), DETECTORS)
    assert str(error.value).startswith(f"{tmp_path}/desk.toml:{line}: ")
    assert said in str(error.value)


def test_bytes_that_are_not_utf8_are_named_with_their_line(tmp_path: Path) -> None:
    (tmp_path / "desk.toml").write_bytes(b"prior = 0.1\nname = '\xff'")
    with pytest.raises(ConfigError, match=r"desk\.toml:2: not UTF-8"):
        load(str(tmp_path / "desk.toml"))


def test_a_key_without_a_line_of_its_own_gives_its_tables() -> None:
    dotted = toml_file.parse(b"a = 1\nrequired.images = []\n", "p.toml")
    good = toml_file.parse(GOOD.encode(), "p.toml")
    assert dotted.line_of("$.required.images") == 1
    assert (good.line_of("$.rows[1].tier"), good.line_of("")) == (14, 1)
