"""The built-in detectors, and those that installed plug-ins add."""

from typing import TYPE_CHECKING, get_args

from detectors.errors import Error, NotLoadedError
from detectors.item import Kind
from detectors.signal import Tier
from detectors.spec import Spec, Taken, loaded

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

PIXELS = (Kind.IMAGE,)
WORDS = (Kind.TEXT,)

BUILT_IN = (
    Spec(
        name="credentials",
        tier=Tier.CREDENTIAL,
        summary="Content credentials (C2PA): what is declared, who signed, does it hold",
        factory="detectors.credentials.detector:Credentials",
        kinds=PIXELS,
        media_types=("application/pdf",),
        takes=("today", "trust_lists"),
    ),
    Spec(
        name="metadata",
        tier=Tier.METADATA,
        summary="AI marks in named container fields (XMP, EXIF, PNG text …)",
        factory="detectors.metadata.detector:Metadata",
        kinds=PIXELS,
    ),
    Spec(
        name="watermarks",
        tier=Tier.METADATA,
        summary="Public messages in pixels, and labels that generators paste",
        factory="detectors.watermarks.detector:Watermarks",
        kinds=PIXELS,
        takes=("fast",),
        calibrate="detectors.watermarks.decoders.measure:calibrate",
    ),
    Spec(
        name="known_fakes",
        tier=Tier.MATCH,
        summary="Matches against banks of known fake-profile pictures",
        factory="detectors.known_fakes.detector:KnownFakes",
        kinds=PIXELS,
        takes=("banks", "today"),
    ),
    Spec(
        name="image_model",
        tier=Tier.STATISTICAL,
        summary="Calibrated likelihood ratio that a picture was made by a generator",
        factory="detectors.image_model.external.detector:detector",
        kinds=PIXELS,
        takes=("device",),
        train="detectors.image_model.training.train:train",
        evaluate="detectors.image_model.training.evaluate:evaluate",
        calibrate="detectors.image_model.external.detector:calibrate",
    ),
    Spec(
        name="portrait",
        tier=Tier.STATISTICAL,
        summary="Likelihood ratio that a portrait is an aligned GAN face",
        factory="detectors.portrait.detector:Portrait",
        kinds=PIXELS,
        takes=("device",),
        train="detectors.portrait.training.train:train",
        evaluate="detectors.portrait.training.evaluate:evaluate",
        calibrate="detectors.portrait.training.evaluate:calibrate",
    ),
    Spec(
        name="text_credentials",
        tier=Tier.CREDENTIAL,
        summary="Content credentials (C2PA) in texts and beside them",
        factory="detectors.text_credentials.detector:TextCredentials",
        kinds=WORDS,
        takes=("today", "trust_lists"),
    ),
    Spec(
        name="text_marks",
        tier=Tier.METADATA,
        summary="Assistant residue and hidden characters in texts",
        factory="detectors.text_marks.detector:TextMarks",
        kinds=WORDS,
    ),
    Spec(
        name="text_model",
        tier=Tier.STATISTICAL,
        summary="Calibrated likelihood ratio that a text was written by a model",
        factory="detectors.text_model.external.detector:detector",
        kinds=WORDS,
        takes=("device", "fast"),
        train="detectors.text_model.training.train:train",
        evaluate="detectors.text_model.training.evaluate:evaluate",
        calibrate="detectors.text_model.external.detector:calibrate",
    ),
)

GROUP = "provenance.detectors"


def catalog() -> tuple[Spec, ...]:
    """Return the built-in specs, then those of installed plug-ins, by name.

    A plug-in that takes a built-in's name changes nothing; one that cannot be imported becomes a
    spec whose detector fails, so that the user hears of it with every item.
    """
    from importlib.metadata import entry_points

    taken = {spec.name for spec in BUILT_IN}
    found = sorted(entry_points(group=GROUP), key=lambda point: point.name)
    return BUILT_IN + tuple(_plug_in(point) for point in found if point.name not in taken)


def _plug_in(point: "EntryPoint") -> Spec:
    """Return the spec that an entry point names, or one that says why there is none."""
    try:
        return loaded(lambda: _spec(point))
    except (Error, NotLoadedError) as error:
        return Spec(
            name=point.name,
            tier=Tier.METADATA,
            summary=f"cannot be loaded: {error}",
            factory=point.value,  # fails again when the engine loads it, and is told item by item
            kinds=PIXELS + WORDS,
        )


def _spec(point: "EntryPoint") -> Spec:
    """Load the spec that an entry point names.

    Raises:
        TypeError: it names something else.
        ValueError: the spec has another name, or takes what there is not.
    """
    spec = point.load()
    if not isinstance(spec, Spec):
        raise TypeError(f"{point.value} is no Spec")
    if spec.name != point.name:
        raise ValueError(f"the Spec is named {spec.name}")
    if unknown := set(spec.takes) - set(get_args(Taken)):
        raise ValueError(f"takes {min(unknown)!r}; there are {', '.join(get_args(Taken))}")
    return spec
