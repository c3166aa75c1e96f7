"""What was found by trying, kept as it was found."""

from collections.abc import Callable
from pathlib import Path

import pytest

from detectors.errors import ConfigError
from detectors.image_model.model import load_model as image_model
from detectors.models import external
from detectors.portrait.model import load_model as portrait
from detectors.text_credentials.account import account
from detectors.text_credentials.verify import Assessed
from detectors.text_model.config import load_config as text_model

DEEP = b'{"a":' + b"[" * 100_000


@pytest.mark.parametrize("load", [image_model, portrait, text_model])
@pytest.mark.parametrize("said", [DEEP, b'{"detector": "\xff"}', b"[]"])
def test_a_model_whose_configuration_is_no_configuration_says_so(
    load: Callable[[Path], object], said: bytes, tmp_path: Path
) -> None:
    (tmp_path / "config.json").write_bytes(said)
    (tmp_path / "weights.safetensors").write_bytes(b"")
    with pytest.raises(ConfigError, match=r"config\.json"):
        load(tmp_path)
    with pytest.raises(ConfigError, match=r"config\.json"):
        external.config(tmp_path / "config.json")


@pytest.mark.parametrize("label", [[], {}, 3, None])
def test_an_active_manifest_that_is_no_label_is_none(label: object) -> None:
    from detectors.c2pa.declaration import declared
    from detectors.c2pa.validation import state

    store = {"active_manifest": label, "manifests": {"a": {}}}
    assessed = Assessed(store=store, state=state(store), listed=None)
    assert account(assessed, declared(store))["state"] == "valid"
