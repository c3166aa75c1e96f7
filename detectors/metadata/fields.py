"""The named text fields of a picture, from whatever container holds them."""

from collections.abc import Callable, Collection
from functools import cache

from detectors.c2pa import jumbf
from detectors.decode.containers import MAX_UNPACKED, Chunk, inflate, store_bytes, walk
from detectors.decode.containers.gif import joined
from detectors.decode.containers.manifest_sites import TIFFS, has_manifest_site
from detectors.decode.containers.sef import blocks
from detectors.item import Sidecar
from detectors.metadata import exif, iim, stealth, xmp
from detectors.metadata.value import MAX_LABEL, Value

MAX_BLOCKS = 8
"""EXIF blocks that are read; programs write one, rarely two."""
MAX_VALUES = 64
"""Values of one field that are kept; programs write one."""
XMP_HEAD = b"http://ns.adobe.com/xap/1.0/\0"
EXTENSION_HEAD = b"http://ns.adobe.com/xmp/extension/\0"
MAX_KEYWORD = 79
"""Bytes of the keyword of a PNG text (W3C PNG, 11.3.3)."""
HELD = MAX_UNPACKED + (64 << 10)
"""Bytes of a chunk that are copied at all: more than the budget, so that what is over it shows."""
PNG_XMP = "XML:com.adobe.xmp"
BMFF_XMP = "uuid:be7acfcb97a942e89c71999491e3afac"
GRAPHS = (
    "PNG prompt", "PNG workflow", "EXIF Model", "EXIF Make", "EXIF UserComment",
    "EXIF ImageDescription", "XMP *:prompt", "XMP *:workflow", "XMP dc:description",
    "XMP exif:UserComment", "JPEG comment", "GIF comment", "PNG parameters", "PNG extra_pnginfo",
    "PNG Comment", "PNG Description", "PNG UserComment", "XMP *:parameters", "XMP *:usercomment",
    "EXIF XPComment",
)  # fmt: skip
"""Fields in which a ComfyUI graph may stand."""
TAKEN_OUT = ("image/jpeg", "image/gif", "image/svg+xml")
"""Formats whose store is taken out of pieces; of others the whole file would be searched."""
SIGNED = (b"stds.", b".metadata")
"""What the names of metadata assertions of C2PA and CAWG have in them."""
SOURCE_TYPE = "XMP Iptc4xmpExt:DigitalSourceType"
SIDECAR_FOR = "photoshop:SidecarForExtension"
RAW_PROFILE = "Raw profile type "
"""Keyword with which ImageMagick keeps EXIF, XMP and IIM as hexadecimal text."""
MAGIC_TRAILER = b"\x01\xff\xfe\xfd"
"""How the bytes begin that follow XMP in a GIF (Adobe XMP, part 3, 1.1.2)."""


class Fields:
    """Reads the fields that are wanted, once, within one budget of bytes for the whole file."""

    def __init__(self, data: bytes, media_type: str | None, wanted: Collection[str]) -> None:
        """Read.

        Args:
            data: the file.
            media_type: by content.
            wanted: names of fields; others are not kept. EXIF and XMP are read where there is any.
        """
        self.values: dict[str, list[Value]] = {}
        self.limited = False
        """Whether something was left unread at a limit."""
        self.whole = True
        """Whether the container was read to its end."""
        self.chunks = 0
        """Pieces of the container that were found."""
        self._wanted = wanted
        self._keywords = _keywords(frozenset(wanted))
        self._media_type = media_type
        self._left = MAX_UNPACKED
        self._blocks = 0
        self._packets: list[bytes | memoryview] = []
        self._pieces: list[memoryview] = []
        self._resources: list[bytes] = []
        self._read(data, media_type)

    def first(self, field: str) -> str | None:
        """Return the first value of a field."""
        values = self.values.get(field)
        return values[0].text if values else None

    def _read(self, data: bytes, media_type: str | None) -> None:
        """Read every field of the file."""
        pieces = walk(data, media_type)
        self.whole, self.limited, self.chunks = pieces.whole, pieces.limited, len(pieces.chunks)
        for chunk in pieces.chunks:
            reader = READERS.get(chunk.tag)
            if reader is not None:
                reader(self, chunk)
        self._format(data, media_type)
        if media_type in TAKEN_OUT or has_manifest_site(data, media_type, lambda: pieces):
            self._signed(store_bytes(data, media_type or "", pieces))
        for block in blocks(data):
            self._keep_raw(f"Samsung {block.tag}", block.data)
        if self._resources:
            self._iim(iim.from_resources(b"".join(self._resources)))
        said = xmp.read(self._packets, self._pieces)
        self.limited = self.limited or said.limited
        self.whole = self.whole and said.whole
        for name, text in said.found:
            self._keep(f"XMP {name}", text)
        self._settle_graphs()

    def _format(self, data: bytes, media_type: str | None) -> None:
        """Read what a format holds outside of pieces: EXIF, XMP, and what its pixels spell."""
        if media_type in TIFFS:
            self._exif(data)
        elif media_type == "image/svg+xml" and b"RDF" in data:
            self._packet(data)
        elif media_type in ("image/png", "image/webp"):
            kind = media_type.removeprefix("image/").upper().replace("WEBP", "WebP")
            for where, spelt in stealth.signatures(data).items():
                self._keep(f"pixel {where}", spelt, f"{kind} {where}")

    def _signed(self, store: bytes) -> None:
        """Keep what the metadata assertions of a credential say, whatever becomes of its signature.

        Source types are left to the credential, which weighs them with its actions.
        """
        if not any(label in store for label in SIGNED):
            return
        for label, name, text in jumbf.metadata(store):
            field = f"XMP {name}"
            if field != SOURCE_TYPE:
                self._keep(field, text, f"{field} in {label}")

    def beside(self, sidecar: Sidecar, packet: bytes, ending: str) -> bool:
        """Read a packet that lies beside the file; tell whether it speaks of this one.

        Args:
            sidecar: where it lies. Of one that may belong to several files, the packet may say to
                which: Adobe's programs write the ending of its name.
            packet: its bytes.
            ending: of the item's name, without the dot.
        """
        said = xmp.read([packet])
        owners = {text.lower() for name, text in said.found if name == SIDECAR_FOR}
        if sidecar.shared and owners and ending.lower() not in owners:
            return False
        self.limited = self.limited or said.limited
        self.whole = self.whole and said.whole
        for name, text in said.found:
            self._keep(f"XMP {name}", text, f"XMP {name} in {sidecar.name}", sidecar)
        return True

    def _settle_graphs(self) -> None:
        """Let a graph that ran outrank those that were only drawn."""
        fields = [self.values[name] for name in GRAPHS if name in self.values]
        graphs = [value for values in fields for value in values if value.graph is not None]
        ran = any(value.graph is not None and value.graph.executed for value in graphs)
        for value in graphs:
            value.superseded = ran and value.graph is not None and not value.graph.executed

    def _keep(
        self, field: str, text: str, written: str = "", sidecar: Sidecar | None = None
    ) -> None:
        """Keep a value of a field that is wanted.

        Args:
            field: as the table names it.
            text: the value.
            written: the name that stands in the file, where it differs.
            sidecar: the file beside the item in which it stands.
        """
        if field in self._wanted and text:
            values = self.values.setdefault(field, [])
            if len(values) < MAX_VALUES:
                values.append(Value(written or field, text, sidecar))
            else:
                self.limited = True

    def _spend(self, raw: bytes | memoryview) -> bytes:
        """Return these bytes as far as the budget reaches."""
        self.limited = self.limited or len(raw) > self._left
        taken = bytes(raw[: self._left])
        self._left -= len(taken)
        return taken

    def _keep_raw(self, field: str, raw: memoryview) -> None:
        """Keep a text of no stated charset, within the budget."""
        if field in self._wanted:
            self._keep(field, exif.plain(self._spend(raw)))

    def _unpack(self, packed: bytes) -> bytes:
        """Return the bytes of a zlib stream, within the budget."""
        unpacked, fits = inflate(packed, self._left) if self._left else (b"", False)
        self.limited = self.limited or not fits
        self.whole = self.whole and bool(unpacked or not packed or not self._left)
        self._left -= len(unpacked)
        return unpacked

    def _exif(self, data: bytes | memoryview) -> None:
        """Keep the texts of a TIFF stream."""
        self._blocks += 1
        if self._blocks > MAX_BLOCKS:
            self.limited = True
            return
        texts = exif.raw_texts(data)
        self.limited = self.limited or texts.limited
        self.whole = self.whole and texts.whole
        for entry in texts.found:
            name = f"EXIF {exif.NAMES[entry.tag]}"
            if name in self._wanted:
                self._keep(name, exif.text(entry, self._spend(entry.data)))

    def _iim(self, said: list[tuple[str, str]]) -> None:
        """Keep IIM datasets."""
        for name, text in said:
            self._keep(f"IIM {name}", text)

    def _packet(self, raw: bytes | memoryview) -> None:
        """Keep an XMP packet for later."""
        self._packets.append(self._spend(raw))

    def jpeg(self, chunk: Chunk) -> None:
        """Read an APP1 segment: EXIF, XMP, or a piece of an XMP extension."""
        if bytes(chunk.data[:6]) == exif.PREFIX:
            self._exif(chunk.data)
        elif bytes(chunk.data[: len(XMP_HEAD)]) == XMP_HEAD:
            self._packet(chunk.data[len(XMP_HEAD) :])
        elif bytes(chunk.data[: len(EXTENSION_HEAD)]) == EXTENSION_HEAD:
            self._pieces.append(memoryview(self._spend(chunk.data[len(EXTENSION_HEAD) :])))
        else:
            self.segment(chunk)

    def photoshop(self, chunk: Chunk) -> None:
        """Keep an APP13 segment; resources may go on in the next."""
        if bytes(chunk.data[: len(iim.HEAD)]) == iim.HEAD:
            self._resources.append(self._spend(chunk.data[len(iim.HEAD) :]))
        else:
            self.segment(chunk)

    def png_text(self, chunk: Chunk) -> None:
        """Read a tEXt, zTXt or iTXt chunk, if its keyword is wanted."""
        keyword = bytes(chunk.data[: MAX_KEYWORD + 1]).partition(b"\0")[0]
        name = keyword.decode("latin-1")
        profile, field = name.startswith(RAW_PROFILE), self._keywords.get(name.lower())
        if not profile and name != PNG_XMP and field is None:
            return
        self.whole = self.whole and len(keyword) < len(chunk.data)
        body = bytes(chunk.data[len(keyword) + 1 : len(keyword) + 1 + HELD])
        packed = chunk.tag == "zTXt"
        if chunk.tag == "iTXt":
            packed = body[:1] == b"\1"
            body = body[2:].partition(b"\0")[2].partition(b"\0")[2]
        elif packed:
            body = body[1:]
        body = self._unpack(body) if packed else self._spend(body)
        if profile:
            self._profile(name.removeprefix(RAW_PROFILE), body)
        elif name == PNG_XMP:
            self._packets.append(body)
        elif field is not None:
            self._keep(field, exif.plain(body), f"PNG {name}")

    def _profile(self, kind: str, body: bytes) -> None:
        """Read a raw profile: a line with its name, one with its length, then hexadecimal text."""
        try:
            raw = bytes.fromhex(body.decode("ascii").strip().split("\n", 2)[-1])
        except ValueError:
            return
        if kind in ("exif", "APP1"):
            self._exif(raw)
        elif kind == "xmp":
            self._packets.append(raw)
        elif kind in ("iptc", "8bim"):
            self._iim(iim.from_resources(raw) or iim.datasets(raw))

    def png_label(self, chunk: Chunk) -> None:
        """Read a chunk whose type is the name of the field."""
        self._keep_raw(f"PNG {chunk.tag}", chunk.data)

    def comfy(self, chunk: Chunk) -> None:
        """Read a `comf` chunk of an animated PNG: keyword and text (ComfyUI, nodes_images.py)."""
        keyword = bytes(chunk.data[:MAX_LABEL]).partition(b"\0")[0]
        field = self._keywords.get(keyword.decode("latin-1").lower())
        if field is not None:
            self._keep_raw(field, chunk.data[len(keyword) + 1 :])

    def comment(self, chunk: Chunk) -> None:
        """Read a comment of a JPEG or a GIF."""
        raw = chunk.data
        if self._media_type == "image/gif":
            raw = memoryview(joined(chunk.data[: self._left]))
        self._keep_raw("GIF comment" if self._media_type == "image/gif" else "JPEG comment", raw)

    def segment(self, chunk: Chunk) -> None:
        """Read an application segment that holds a label as bare JSON, or behind its name."""
        if bytes(chunk.data[:MAX_LABEL]).lstrip(b"\0 ").lower().startswith((b"{", b"aigc")):
            self._keep_raw("JPEG APP", chunk.data)

    def bare_exif(self, chunk: Chunk) -> None:
        """Read EXIF that is a chunk of its own."""
        self._exif(chunk.data)

    def item_exif(self, chunk: Chunk) -> None:
        """Read EXIF of an ISO-BMFF item, which begins with the offset of the TIFF header."""
        self._exif(chunk.data[4 + int.from_bytes(chunk.data[:4], "big") :])

    def packet(self, chunk: Chunk) -> None:
        """Read XMP that is a chunk of its own."""
        self._packet(chunk.data)

    def gif_packet(self, chunk: Chunk) -> None:
        """Read XMP of a GIF, which lies there without sub-blocks."""
        self._packet(bytes(chunk.data[:HELD]).partition(MAGIC_TRAILER)[0])

    def tiff_iim(self, chunk: Chunk) -> None:
        """Read the IIM tag of a TIFF."""
        self._iim(iim.datasets(self._spend(chunk.data)))

    def tiff_resources(self, chunk: Chunk) -> None:
        """Keep the Photoshop tag of a TIFF."""
        self._resources.append(self._spend(chunk.data))


SEGMENTS = [f"APP{number}" for number in (0, *range(2, 13), 14, 15)]


@cache
def _keywords(wanted: frozenset[str]) -> dict[str, str]:
    """Return the keywords of PNG texts that are wanted, in small letters, with their fields."""
    return {name[4:].lower(): name for name in wanted if name.startswith("PNG ")}


READERS: dict[str, Callable[[Fields, Chunk], None]] = {
    "APP1": Fields.jpeg,
    "APP13": Fields.photoshop,
    "tEXt": Fields.png_text,
    "zTXt": Fields.png_text,
    "iTXt": Fields.png_text,
    "AIGC": Fields.png_label,
    "comf": Fields.comfy,
    "COM": Fields.comment,
    **dict.fromkeys(SEGMENTS, Fields.segment),
    "eXIf": Fields.bare_exif,
    "EXIF": Fields.bare_exif,
    "Exif": Fields.item_exif,
    "XMP ": Fields.packet,
    "XMP": Fields.packet,
    BMFF_XMP: Fields.packet,
    "XMP DataXMP": Fields.gif_packet,
    "8BIM:0x0404": Fields.tiff_iim,
    "8BIM:0x0422": Fields.bare_exif,
    "8BIM:0x0424": Fields.packet,
    "IFD0:0x02BC": Fields.packet,
    "IFD0:0x83BB": Fields.tiff_iim,
    "IFD0:0x8649": Fields.tiff_resources,
}
"""Chunk → how it is read."""
