"""The largest admitted picture of each format, through every detector, in a worker with its limit.

`python benchmarks/memory.py FOLDER` makes the pictures below FOLDER once (two minutes, 2 GB of
memory) and says of each: whether every detector had its say, and how much the worker held.
"""

import io
import json
import struct
import subprocess
import sys
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path

from PIL import Image

SIDE_OF = {256: (16000, 16000), 120: (12000, 10000), 100: (10000, 10000), 60: (7744, 7744)}
"""Million pixels → width and height."""
Image.MAX_IMAGE_PIXELS = None


def gradient(mode: str, megapixels: int) -> Image.Image:
    """Return a picture that packs well and is not of one colour."""
    small = Image.linear_gradient("L").convert("RGB").convert(mode)
    return small.resize(SIDE_OF[megapixels], Image.Resampling.NEAREST)


def saved(mode: str, megapixels: int, form: str, **options: object) -> Callable[[], bytes]:
    """Return what makes a file by Pillow."""

    def make() -> bytes:
        out = io.BytesIO()
        gradient(mode, megapixels).save(out, form, **options)
        return out.getvalue()

    return make


def png(bits: int, colour: int, samples: int) -> Callable[[], bytes]:
    """Return what makes a PNG of 120 million pixels that Pillow cannot write."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        whole = kind + data
        return struct.pack(">I", len(data)) + whole + struct.pack(">I", zlib.crc32(whole))

    def make() -> bytes:
        width, height = SIDE_OF[120]
        packer, out = zlib.compressobj(1), []
        for y in range(height):
            sample = struct.pack(">H", y * 65535 // height) if bits == 16 else bytes([y % 256])
            out.append(packer.compress(b"\0" + sample * samples * width))
        head = struct.pack(">IIBBBBB", width, height, bits, colour, 0, 0, 0)
        body = b"".join(out) + packer.flush()
        parts = chunk(b"IHDR", head) + chunk(b"IDAT", body) + chunk(b"IEND", b"")
        return b"\x89PNG\r\n\x1a\n" + parts

    return make


def heic() -> bytes:
    """Return a HEIC of 60 million pixels."""
    import pillow_heif

    pillow_heif.register_heif_opener()
    return saved("RGB", 60, "HEIF", quality=1, enc_params={"preset": "ultrafast"})()


PICTURES: dict[str, Callable[[], bytes]] = {
    "rgb.jpg": saved("RGB", 256, "JPEG", quality=50),
    "cmyk.jpg": saved("CMYK", 256, "JPEG", quality=50),
    "progressive.jpg": saved("RGB", 100, "JPEG", quality=50, progressive=True, subsampling=0),
    "rgb.png": png(8, 2, 3),
    "rgba.png": png(8, 6, 4),
    "rgb16.png": png(16, 2, 3),
    "rgba16.png": png(16, 6, 4),
    "grey16.png": png(16, 0, 1),
    "palette.gif": saved("P", 120, "GIF"),
    "rgb.bmp": saved("RGB", 60, "BMP"),
    "rgb.tiff": saved("RGB", 120, "TIFF", compression="tiff_lzw"),
    "cmyk.tiff": saved("CMYK", 120, "TIFF", compression="tiff_lzw"),
    "grey32.tiff": saved("F", 120, "TIFF", compression="tiff_lzw"),
    "rgba.webp": saved("RGBA", 60, "WEBP", quality=10, method=0),
    "lossless.webp": saved("RGBA", 60, "WEBP", lossless=True, quality=0, method=0),
    "rgba.avif": saved("RGBA", 60, "AVIF", quality=10, speed=10, subsampling="4:4:4"),
    "rgb.heic": heic,
}


def made(folder: Path) -> Iterator[Path]:
    """Yield the files, each made where it is not there."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, make in PICTURES.items():
        path = folder / name
        if not path.exists():
            path.write_bytes(make())
        yield path


def main() -> None:
    """Print a line a picture."""
    command = [sys.executable, "-m", "provenance", "check", "--format", "jsonl", "--jobs", "1"]
    for path in made(Path(sys.argv[1])):
        timed = ["/usr/bin/time", "-f", "%M %U", *command, str(path)]
        done = subprocess.run(timed, capture_output=True, text=True, check=False)
        record = json.loads(done.stdout)
        said = {s["detector"]: s["reason"]["code"] for s in record["signals"]}
        faults = {n: c for n, c in said.items() if c.startswith(("engine.", "picture."))}
        peak, seconds = done.stderr.split()[-2:]
        print(f"{path.name:<16}{int(peak) // 1024:>6} MiB {seconds:>6} CPU s  {faults or 'all'}")


if __name__ == "__main__":
    main()
