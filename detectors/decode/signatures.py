"""First bytes of files: those of pictures, and those of formats that are not examined."""

import re
from functools import cache

from detectors.decode.encodings import is_quiet

PICTURES = (
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"GIF87a", "image/gif"),
    (b"GIF89a", "image/gif"),
    (b"II*\0\x10\0\0\0CR\x02", "image/x-canon-cr2"),
    (b"II*\0", "image/tiff"),
    (b"MM\0*", "image/tiff"),
    (b"II+\0", "image/tiff"),
    (b"MM\0+", "image/tiff"),
    (b"IIRO", "image/x-olympus-orf"),
    (b"IIRS", "image/x-olympus-orf"),
    (b"MMOR", "image/x-olympus-orf"),
    (b"IIU\0", "image/x-panasonic-rw2"),
    (b"FUJIFILMCCD-RAW ", "image/x-fuji-raf"),
    (b"\xff\x0a", "image/jxl"),
    (b"\0\0\0\x0cJXL \r\n\x87\n", "image/jxl"),
    (b"8BPS\0\x01", "image/vnd.adobe.photoshop"),
    (b"8BPS\0\x02", "image/vnd.adobe.photoshop"),
)
SURE = 3
"""Bytes of a signature that are not met by chance; where fewer say so, it may still be a text: in
Windows-1251 a word may begin with 0xFF 0xF1."""
WORD = re.compile(rb"[A-Za-z ]+|[A-Za-z0-9]{1,4}")
"""A signature with which a text may begin: `MMOR` is an Olympus camera's, and `MMORPG` a word."""
STUMPS = (b"\xff\xd8", b"\x89PNG")
"""Heads that only a cut-off JPEG or PNG has: a broken picture, not a foreign file."""
BRANDS = {
    b"avif": "image/avif", b"avis": "image/avif", b"heic": "image/heic", b"heix": "image/heic",
    b"heim": "image/heic", b"heis": "image/heic", b"hevc": "image/heic", b"hevx": "image/heic",
    b"mif1": "image/heif", b"msf1": "image/heif", b"crx ": "image/x-canon-cr3",
}  # fmt: skip
"""ISO base media brands of still pictures and of their sequences (ISO/IEC 23008-12, AV1 Image
File Format; CR3 as Canon's cameras write it)."""
FOREIGN = (
    (0, b"\x7fELF", "application/x-elf", "program"),
    (0, b"MZ", "application/vnd.microsoft.portable-executable", "program"),
    (0, b"\xcf\xfa\xed\xfe", "application/x-mach-binary", "program"),
    (0, b"\xce\xfa\xed\xfe", "application/x-mach-binary", "program"),
    (0, b"\xfe\xed\xfa\xce", "application/x-mach-binary", "program"),
    (0, b"\xfe\xed\xfa\xcf", "application/x-mach-binary", "program"),
    (0, b"\xca\xfe\xba\xbe", "application/java-vm", "program"),
    *(
        (0, kind + bytes([version]), "application/vnd.adobe.flash.movie", "program")
        for kind in (b"FWS", b"CWS", b"ZWS")
        for version in (*range(1, 9), *range(14, 32))
    ),
    (0, b"\0asm", "application/wasm", "program"),
    (0, b"dex\n0", "application/vnd.android.dex", "program"),
    (0, b"PK\x03\x04", "application/zip", "archive"),
    (0, b"PK\x05\x06", "application/zip", "archive"),
    (0, b"\x1f\x8b", "application/gzip", "archive"),
    (0, b"BZh", "application/x-bzip2", "archive"),
    (0, b"\xfd7zXZ\0", "application/x-xz", "archive"),
    (0, b"(\xb5/\xfd", "application/zstd", "archive"),
    (0, b"\x04\x22\x4d\x18", "application/x-lz4", "archive"),
    (0, b"7z\xbc\xaf\x27\x1c", "application/x-7z-compressed", "archive"),
    (0, b"Rar!\x1a\x07", "application/vnd.rar", "archive"),
    (0, b"MSCF\0\0\0\0", "application/vnd.ms-cab-compressed", "archive"),
    (0, b"!<arch>\n", "application/x-archive", "archive"),
    (0, b"\xed\xab\xee\xdb", "application/x-rpm", "archive"),
    (257, b"ustar", "application/x-tar", "archive"),
    (0, b"\x80\x01", "application/x-font-type1", "font"),
    (0, b"\0\0\1\0\0\0", "application/x-dfont", "font"),
    (0, b"wOFF", "font/woff", "font"),
    (0, b"wOF2", "font/woff2", "font"),
    (0, b"OTTO\0", "font/otf", "font"),
    (0, b"\0\x01\0\0\0", "font/ttf", "font"),
    (0, b"true\0", "font/ttf", "font"),
    (0, b"ttcf\0", "font/collection", "font"),
    (0, b"ID3", "audio/mpeg", "sound"),
    (0, b"\xff\xfb", "audio/mpeg", "sound"),
    (0, b"\xff\xf3", "audio/mpeg", "sound"),
    (0, b"\xff\xf1", "audio/aac", "sound"),
    (0, b"\xff\xf9", "audio/aac", "sound"),
    (0, b"MAC \x96\x0f", "audio/x-ape", "sound"),
    (0, b"OggS", "audio/ogg", "sound"),
    (0, b"fLaC", "audio/flac", "sound"),
    (0, b"MThd\0\0\0\x06", "audio/midi", "sound"),
    (0, b"#!AMR\n", "audio/amr", "sound"),
    (0, b"caff\0", "audio/x-caf", "sound"),
    (0, b"\x1aE\xdf\xa3", "video/webm", "video"),
    (0, b"FLV\x01", "video/x-flv", "video"),
    (0, b"\x30\x26\xb2\x75\x8e\x66\xcf\x11", "video/x-ms-asf", "video"),
    (0, b"\0\0\x01\xba", "video/mpeg", "video"),
    (0, b"\0\0\x01\xb3", "video/mpeg", "video"),
    (0, b"d8:announce", "application/x-bittorrent", "data"),
    (0, b"SQLite format 3\0", "application/vnd.sqlite3", "data"),
    (0, b"PAR1", "application/vnd.apache.parquet", "data"),
    (0, b"\x89HDF\r\n\x1a\n", "application/x-hdf5", "data"),
    (0, b"\x93NUMPY", "application/x-numpy", "data"),
    (0, b"GGUF", "application/x-gguf", "data"),
    (0, b"bplist0", "application/x-bplist", "data"),
    (0, b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "application/x-ole-storage", "document"),
    (0, b"{\\rtf", "application/rtf", "document"),
    (0, b"%!PS-Adobe", "application/postscript", "document"),
    (0, b"\xc5\xd0\xd3\xc6", "application/postscript", "document"),
    (0, b"\0\0\x01\0", "image/vnd.microsoft.icon", "picture"),
    (0, b"\0\0\x02\0", "image/x-win-bitmap-cursor", "picture"),
    (0, b"icns", "image/x-icns", "picture"),
    (0, b"\0\0\0\x0cjP  \r\n\x87\n", "image/jp2", "picture"),
    (0, b"\xff\x4f\xff\x51", "image/x-jp2-codestream", "picture"),
    (0, b"II\xbc\x01", "image/jxr", "picture"),
    (0, b"v/1\x01", "image/x-exr", "picture"),
    (0, b"#?RADIANCE\n", "image/vnd.radiance", "picture"),
    (0, b"#?RGBE\n", "image/vnd.radiance", "picture"),
    (0, b"qoif\0", "image/qoi", "picture"),
    (0, b"DDS |\0", "image/vnd-ms.dds", "picture"),
    (0, b"BPG\xfb", "image/bpg", "picture"),
    (0, b"FLIF", "image/flif", "picture"),
    (0, b"SDPX\0", "image/x-dpx", "picture"),
    (0, b"XPDS", "image/x-dpx", "picture"),
    (0, b"AT&TFORM", "image/vnd.djvu", "picture"),
    (0, b"\x0a\x05\x01\x08", "image/vnd.zbrush.pcx", "picture"),
    (0, b"XISF0100", "image/x-xisf", "picture"),
    (128, b"DICM", "application/dicom", "picture"),
    (0, b"gimp xcf ", "image/x-xcf", "picture"),
    (0, b"FOVb", "image/x-sigma-x3f", "picture"),
    (0, b"\0MRM", "image/x-minolta-mrw", "picture"),
    (0, b"II\x1a\0\0\0HEAPCCDR", "image/x-canon-crw", "picture"),
    (0, b"\xd7\xcd\xc6\x9a", "image/wmf", "picture"),
    (40, b" EMF\0", "image/emf", "picture"),
    (0, b"SIMPLE  =                    T", "image/fits", "picture"),
    (0, b"/* XPM */", "image/x-xpixmap", "picture"),
)
"""Offset, bytes there, media type, and what such a file is in the words of a message."""
ISO = (b"ftyp", b"moov", b"mdat", b"wide", b"free", b"skip")
"""Boxes with which a film begins, behind their size; pictures are told before. `The free press` has
one of them there, too."""
RIFF = {b"WAVE": ("audio/wav", "sound"), b"AVI ": ("video/x-msvideo", "video")}
PIXMAP = re.compile(
    rb"P[1-6Ff]\s(?:(?:\s|#[^\n]{0,200}\n){0,20}\d{1,6}\s){2}"
    rb"|P7\s(?:#[^\n]{0,200}\n){0,20}(?:WIDTH|HEIGHT|DEPTH|MAXVAL|TUPLTYPE) "
)
"""Head of a portable pixmap (Netpbm): letters, but a picture; its sides, or the fields of PAM."""
BMP_HEADERS = (12, 16, 40, 52, 56, 64, 108, 124)
"""Sizes of the second header of a BMP, which stands behind 14 bytes."""


def picture(head: bytes) -> str | None:
    """Return the media type of a picture that is examined, by its first bytes."""
    for magic, name in PICTURES:
        if head.startswith(magic):
            return name if _is_sure(magic, head) else None
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP" and not is_quiet(head):
        return "image/webp"
    if head[4:8] == b"ftyp":
        reach = min(int.from_bytes(head[:4], "big"), 64)
        brands = [head[8:12], *(head[i : i + 4] for i in range(16, reach, 4))]
        return next((BRANDS[brand] for brand in brands if brand in BRANDS), None)
    if head[:2] == b"BM" and _is_bmp(head):
        return "image/bmp"
    if head in (STUMPS[0], *(STUMPS[1] + rest for rest in (b"", b"\r", b"\r\n", b"\r\n\x1a"))):
        return "image/jpeg" if head == STUMPS[0] else "image/png"
    return None


def foreign(head: bytes) -> tuple[str, str] | None:
    """Return media type and description of a known format that is not examined."""
    if not is_quiet(head):
        if head[4:8] in ISO:
            return "video/mp4", "video"
        if head[4:8] == b"jumb":
            return "application/c2pa", "data"
        if head[:4] == b"RIFF":
            return RIFF.get(head[8:12], ("application/x-riff", "data"))
    if PIXMAP.match(head):
        return "image/x-portable-anymap", "picture"
    for offset, magic, name, what in _possible(head[:1]):
        if head.startswith(magic, offset) and _is_sure(magic, head):
            return name, what
    return None


@cache
def _possible(first: bytes) -> tuple[tuple[int, bytes, str, str], ...]:
    """Return the rows of `FOREIGN` that the first byte of a file admits."""
    return tuple(row for row in FOREIGN if row[0] or row[1].startswith(first))


def _is_sure(magic: bytes, head: bytes) -> bool:
    """Tell whether bytes that begin with a signature are of its format, and no text."""
    return (len(magic) >= SURE and not WORD.fullmatch(magic)) or not is_quiet(head)


def _is_bmp(head: bytes) -> bool:
    """Tell whether bytes that begin with `BM` are a bitmap.

    The reserved bytes are zero by the format; some programs use them, so that then the size of
    the second header decides.
    """
    if len(head) < 18:  # both headers up to the size of the second
        return False
    return head[6:10] == bytes(4) or int.from_bytes(head[14:18], "little") in BMP_HEADERS
