"""A plug-in detector: the wording of texts in languages that the built-in model does not read."""

from detectors.item import Kind
from detectors.signal import Tier
from detectors.spec import Spec

SPEC = Spec(
    name="text_languages",
    tier=Tier.STATISTICAL,
    summary="Likelihood ratio that a text in another language was written by a model",
    factory="provenance_languages.detector:TextLanguages",
    kinds=(Kind.TEXT,),
    messages=("provenance_languages:en.toml",),
    train="provenance_languages.training.train:train",
    evaluate="provenance_languages.training.evaluate:evaluate",
    calibrate="provenance_languages.training.evaluate:calibrate",
)
