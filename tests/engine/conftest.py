"""Detectors that tests make, chosen as an installed plug-in's would be."""

import sys
import types
from collections.abc import Callable, Iterator

import pytest

from detectors.item import Kind
from detectors.signal import Tier
from detectors.spec import Spec
from provenance.engine.config import RunConfig
from provenance.verdict import load

MODULE = "made_detectors"


@pytest.fixture
def chosen(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., RunConfig]]:
    monkeypatch.delitem(sys.modules, "fsspec", raising=False)  # fork: only here the module is
    module = types.ModuleType(MODULE)
    sys.modules[MODULE] = module

    def choose(*classes: type) -> RunConfig:
        for made in classes:
            setattr(module, made.__name__, made)
        specs = tuple(
            Spec(
                name=made.__name__.lower(),
                tier=Tier.METADATA,
                summary="a test",
                factory=f"{MODULE}:{made.__name__}",
                kinds=(Kind.TEXT, Kind.IMAGE),
            )
            for made in classes
        )
        return RunConfig(specs=specs, options={}, policy=load("default"), today="2026-11-24")

    yield choose
    del sys.modules[MODULE]
