"""A plug-in, whole: knows pictures of a stock collection by their SHA-256."""

from detectors.item import Kind
from detectors.signal import Tier
from detectors.spec import Spec

SPEC = Spec(
    name="stock_faces",
    tier=Tier.MATCH,
    summary="Pictures of a stock collection, by their bytes",
    factory="stock_faces.detector:StockFaces",
    kinds=(Kind.IMAGE,),
    takes=("banks", "today"),
    messages=("stock_faces:en.toml",),
)
