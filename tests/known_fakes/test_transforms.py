"""What people do to a picture before they use it again is seen through, and nobody is mistaken."""

import io
from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image, ImageDraw, ImageEnhance, ImageFilter, ImageOps

from detectors.bank.entry import Entry
from detectors.bank.folder.store import create, writing
from detectors.item import Item
from detectors.known_fakes.detector import KnownFakes

FAKES = Path(__file__).parents[2] / "fixtures" / "fakes"
NOW = "2026-01-02T03:04:05Z"
ORIENTATION = 0x0112
WHITE = (255, 255, 255)


def saved(image: Image.Image, form: str = "JPEG", **options: object) -> bytes:
    data = io.BytesIO()
    image.save(data, form, **options)
    return data.getvalue()


def cropped(image: Image.Image, cut: float, *, right: float = 0.5) -> Image.Image:
    side = image.width
    gone = round(cut * side)
    left, top = round(right * gone), gone // 2
    return image.crop((left, top, left + side - gone, top + side - gone))


def circle(image: Image.Image, ground: tuple[int, int, int] | None) -> Image.Image:
    mask = Image.new("L", image.size, 0)
    ImageDraw.Draw(mask).ellipse((0, 0, image.width - 1, image.height - 1), fill=255)
    if ground is None:
        image.putalpha(mask)
        return image
    return Image.composite(image, Image.new("RGB", image.size, ground), mask)


def captioned(image: Image.Image) -> Image.Image:
    pen = ImageDraw.Draw(image)
    pen.rectangle((0, 240, 288, 275), fill=(0, 0, 0))
    pen.text((40, 244), "Hello, I am new here", fill=WHITE, font_size=22)
    return image


def stickers(image: Image.Image) -> Image.Image:
    pen = ImageDraw.Draw(image)
    for x, y in ((30, 40), (230, 200), (60, 220)):
        pen.ellipse((x - 24, y - 24, x + 24, y + 24), fill=(255, 205, 40), outline=(90, 60, 0))
        pen.arc((x - 12, y - 10, x + 12, y + 14), 20, 160, fill=(90, 60, 0), width=3)
    return image


def turned(image: Image.Image) -> bytes:
    exif = Image.Exif()
    exif[ORIENTATION] = 8
    return saved(image.transpose(Image.Transpose.ROTATE_270), quality=80, exif=exif)


def wide(image: Image.Image) -> bytes:
    grey = image.convert("L").convert("I").point(lambda value: value * 257)
    return saved(grey.convert("I;16"), "PNG")


def screenshot(image: Image.Image) -> Image.Image:
    screen = Image.new("RGB", (360, 520), (22, 24, 28))
    pen = ImageDraw.Draw(screen)
    pen.rectangle((0, 0, 360, 130), fill=(120, 60, 90))
    for line in range(10):
        pen.rectangle(
            (20, 270 + 22 * line, 320 - 41 * (line % 4), 279 + 22 * line), fill=(170,) * 3
        )
    screen.paste(image.resize((128, 128), Image.Resampling.BICUBIC), (18, 66))
    return screen


def several(image: Image.Image) -> Image.Image:
    tinted = ImageEnhance.Color(cropped(image, 0.1)).enhance(0.4)
    return captioned(ImageOps.expand(tinted, 12, WHITE).resize((288, 288)))


MIRROR = Image.Transpose.FLIP_LEFT_RIGHT
TRANSFORMS: dict[str, Callable[[Image.Image], Image.Image | bytes]] = {
    "jpeg": lambda i: saved(i, quality=35),
    "resize": lambda i: i.resize((150, 150), Image.Resampling.BICUBIC),
    "webp": lambda i: saved(i, "WEBP", quality=50),
    "filter": lambda i: ImageOps.colorize(i.convert("L"), (30, 15, 0), (255, 240, 200)),
    "blur_noise": lambda i: Image.blend(
        i.filter(ImageFilter.GaussianBlur(1.2)), Image.effect_noise(i.size, 60).convert("RGB"), 0.08
    ),
    "stretch": lambda i: i.resize((288, 240), Image.Resampling.BICUBIC),
    "cmyk": lambda i: saved(i.convert("CMYK"), quality=85),
    "palette": lambda i: saved(i.quantize(64), "GIF"),
    "png16": wide,
    "mirror": lambda i: i.transpose(MIRROR),
    "quarter_turn": lambda i: i.transpose(Image.Transpose.ROTATE_90),
    "exif": turned,
    "circle_white": lambda i: circle(i, WHITE),
    "circle_black": lambda i: circle(i, (0, 0, 0)),
    "circle_alpha": lambda i: saved(circle(i, None), "PNG"),
    "border": lambda i: ImageOps.expand(i, (30, 12, 18, 40), WHITE),
    "text": captioned,
    "emoji": stickers,
    "crop_05_10": lambda i: cropped(i, 0.08),
    "crop_10_18": lambda i: cropped(i, 0.15, right=0.8),
    "crop_18_25": lambda i: cropped(i, 0.25, right=0.2),
    "face_crop": lambda i: i.crop((70, 50, 220, 200)),
    "rotate": lambda i: i.rotate(-5, Image.Resampling.BICUBIC, fillcolor=(0, 0, 0)),
    "mirror_crop": lambda i: cropped(i.transpose(MIRROR), 0.15),
    "combo": several,
    "screenshot": screenshot,
}


@pytest.fixture(scope="module")
def detector(tmp_path_factory: pytest.TempPathFactory) -> KnownFakes:
    from detectors.bank.enrol import enrolled

    path = tmp_path_factory.mktemp("x") / "fakes.bank"
    create(path, NOW)
    with writing(path) as writer:
        for picture in sorted((FAKES / "known").iterdir()):
            item = Item(picture.name, picture.read_bytes)
            writer.put(
                *enrolled(item, Entry(id=picture.stem, hashes={}, created=NOW, modified=NOW))
            )
        writer.commit()
    return KnownFakes({"banks": [str(path)]})


@pytest.mark.parametrize("name", ["anna.jpg", "farid.jpg"])
@pytest.mark.parametrize("transform", TRANSFORMS)
def test_a_changed_picture_is_recognised_and_a_changed_stranger_is_not(
    detector: KnownFakes, transform: str, name: str
) -> None:
    path = next(FAKES.glob(f"*/{name}"))
    changed = TRANSFORMS[transform](Image.open(path).convert("RGB"))
    data = changed if isinstance(changed, bytes) else saved(changed, quality=85)
    said = detector.inspect(Item(name, lambda: data))
    entries = [signal.facts["entry"] for signal in said if signal.outcome == "finding"]
    assert entries == (["anna"] if path.parent.name == "known" else [])


@pytest.mark.parametrize(
    ("transform", "told"),
    [
        ("mirror", "mirrored"),
        ("quarter_turn", "turned_90"),
        ("mirror_crop", "mirrored, cropped_72"),
        ("crop_18_25", "cropped_56"),
        ("rotate", "turned_355"),
        ("border", "surrounded_73"),
        ("screenshot", "surrounded_10"),
        ("circle_white", "circle"),
    ],
)
def test_what_was_done_to_it_is_told(detector: KnownFakes, transform: str, told: str) -> None:
    changed = TRANSFORMS[transform](Image.open(FAKES / "known" / "emil.jpg").convert("RGB"))
    assert isinstance(changed, Image.Image)
    data = saved(changed, quality=85)
    (signal,) = detector.inspect(Item("x", lambda: data))
    assert signal.facts["transform"] == told
