"""What evaluation and calibration rest on: labelled pictures with scores."""

import msgspec

from detectors.models.encoder.features import LabelledPicture
from detectors.models.encoder.tokens import AS_IT_IS


class ScoredPicture(msgspec.Struct, frozen=True, kw_only=True):
    """A labelled picture as the detector would meet it, with an out-of-source score."""

    row: LabelledPicture
    how: str
    """`plain`, or the platform transform it was scored after."""
    score: float
    assessed: bool
    """Whether the gate lets it through."""

    @property
    def groups(self) -> tuple[str, ...]:
        """The groups of pictures it stands for: each may bound a calibration."""
        names = ("faces" if self.row.face else "no face", f"source {self.row.repo}")
        if self.how != AS_IT_IS:
            return (self.how, f"{self.how}, {names[0]}")
        return (*names, f"kind {self.row.source}")
