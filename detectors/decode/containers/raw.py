"""Formats that cameras write their sensor data in."""

from detectors.decode.containers.jpeg import segments
from detectors.decode.containers.tiff import Entry, entries
from detectors.decode.containers.walk import Chunk, Walk

DNG_VERSION, MAKE, PHOTOMETRIC, COMPRESSION = 0xC612, 0x010F, 0x0106, 0x0103
MOSAIC = (32803, 34892)
"""Values of the tag PhotometricInterpretation that only sensor data have (TIFF/EP; DNG)."""
SENSOR = (32767, 32769, 32770, 32772, 34713, 65000, 65535)
"""Values of the tag Compression that cameras use for sensor data (Sony, Samsung, Nikon, Kodak,
Pentax; as ExifTool lists them)."""
PHASE_ONE = (b"IIII", b"MMMM")
"""What Phase One writes behind the header of a TIFF (ExifTool, PhaseOne.pm)."""
MAKERS = (
    ("NIKON", "image/x-nikon-nef"),
    ("SONY", "image/x-sony-arw"),
    ("PENTAX", "image/x-pentax-pef"),
    ("RICOH", "image/x-pentax-pef"),
    ("SAMSUNG", "image/x-samsung-srw"),
)
TIFFS = (
    "image/x-adobe-dng", "image/x-nikon-nef", "image/x-sony-arw", "image/x-pentax-pef",
    "image/x-samsung-srw", "image/x-canon-cr2", "image/x-olympus-orf", "image/x-panasonic-rw2",
    "image/x-raw",
)  # fmt: skip
"""Cameras' formats that are built of TIFF directories."""
PREVIEW = 84
"""Where a RAF file says where its JPEG lies (ExifTool, FujiFilm.pm)."""
OTHER = "image/x-raw"
"""Sensor data of a maker whose format has no name here."""


def raw_type(data: bytes) -> str | None:
    """Return the media type of a camera's own format that is a TIFF, None for any other TIFF."""
    if data[8:12] in PHASE_ONE:
        return OTHER
    first = [e for e in entries(data).found if e.directory in ("IFD0", "SubIFD")]
    if any(entry.tag == DNG_VERSION for entry in first):
        return "image/x-adobe-dng"
    if not any(_holds_sensor_data(entry) for entry in first):
        return None
    said = next((bytes(e.data[:32]) for e in first if e.tag == MAKE), b"")
    maker = said.decode("latin-1").strip("\0 ").upper()
    return next((name for begins, name in MAKERS if maker.startswith(begins)), OTHER)


def _holds_sensor_data(entry: Entry) -> bool:
    """Tell whether an entry says that its directory describes sensor data."""
    known = {PHOTOMETRIC: MOSAIC, COMPRESSION: SENSOR}.get(entry.tag, ())
    value = bytes(entry.data[:4])
    return int.from_bytes(value, "little" if entry.little else "big") in known


def raf(data: bytes) -> Walk:
    """Return the segments of the JPEG inside a RAF file, which holds its metadata."""
    start = int.from_bytes(data[PREVIEW : PREVIEW + 4], "big")
    length = int.from_bytes(data[PREVIEW + 4 : PREVIEW + 8], "big")
    found = segments(data[start : start + length])
    moved = (Chunk(c.tag, start + c.offset, c.data) for c in found.chunks)
    whole = found.whole and start + length <= len(data)
    return Walk(chunks=tuple(moved), whole=whole, limited=found.limited, steps=found.steps)
