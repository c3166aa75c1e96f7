"""Pictures of a run that are one: copies are found, strangers are not joined."""

import io
from itertools import pairwise

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFilter

from detectors.bank.grouping import MIRROR, same_pictures
from detectors.hashing.flatness import CELLS
from detectors.hashing.likeness import FLAT, HASH_BYTES, SMOOTH, kind_of, likeness
from detectors.hashing.picture import bits, dihedral, pdq64
from detectors.item import Item

Bits = np.ndarray


def photograph(seed: int) -> Image.Image:
    """Return soft shapes under noise."""
    rng = np.random.default_rng(seed)
    small = Image.fromarray(rng.integers(0, 256, (12, 12, 3), np.uint8))
    pixels = np.asarray(small.resize((256, 256), Image.Resampling.BICUBIC)).astype(int)
    noisy = np.clip(pixels + rng.integers(-16, 17, pixels.shape), 0, 255).astype(np.uint8)
    return Image.fromarray(noisy).filter(ImageFilter.GaussianBlur(1))


def placeholder(ground: str) -> Image.Image:
    """Return the outline of a person on a plain ground."""
    made = Image.new("RGB", (256, 256), ground)
    draw = ImageDraw.Draw(made)
    draw.ellipse((90, 40, 166, 116), fill="white")
    draw.ellipse((40, 140, 216, 330), fill="white")
    return made


def told(picture: Image.Image, **how: object) -> bytes:
    """Return the likeness of a picture saved as a JPEG."""
    out = io.BytesIO()
    picture.save(out, "JPEG", **how)
    return likeness(Item("a.jpg", out.getvalue).picture)


def strangers(count: int, seed: int = 1) -> list[Bits]:
    """Return hashes as bits, half of them ones."""
    rng = np.random.default_rng(seed)
    return [rng.permutation(np.repeat([0, 1], 128)).astype(np.uint8) for _ in range(count)]


def changed(hashed: Bits, *places: int) -> Bits:
    """Return a hash with some bits changed."""
    other = hashed.copy()
    other[list(places)] ^= 1
    return other


def packed(hashes: list[Bits]) -> list[bytes]:
    return [np.packbits(each).tobytes() for each in hashes]


def test_copies_are_one_group_and_strangers_none() -> None:
    seen = [told(photograph(seed), quality=90) for seed in range(8)]
    seen += [told(photograph(3), quality=60), told(photograph(3).resize((200, 200)), quality=80)]
    (group,) = same_pictures(seen)
    assert group.members == [3, 8, 9]
    assert 0 <= group.max_distance <= 10
    assert 0 < group.chance <= 0.01


def test_the_order_of_pictures_does_not_matter() -> None:
    made = strangers(300)
    made += [changed(each, *range(n % 7)) for n, each in enumerate(made[:100])]
    likes = packed(made)
    order = np.random.default_rng(2).permutation(len(likes)).tolist()
    named = {tuple(sorted(likes[m] for m in group.members)) for group in same_pictures(likes)}
    shuffled = [likes[place] for place in order]
    again = {tuple(sorted(shuffled[m] for m in g.members)) for g in same_pictures(shuffled)}
    assert len(named) == 100
    assert again == named


def test_pictures_with_little_in_them_are_in_no_group() -> None:
    plain = told(Image.new("RGB", (200, 200), "teal"))
    assert plain == b""
    assert same_pictures([plain, plain]) == []
    assert same_pictures([]) == []


def test_placeholders_of_one_shape_are_told_apart_by_their_colour() -> None:
    grounds = ["#803090", "#803090", "#306f95", "#d04a4a"]
    seen = [told(placeholder(each), quality=90 - n) for n, each in enumerate(grounds)]
    assert {kind_of(each) for each in seen} == {FLAT}
    assert [group.members for group in same_pictures(seen)] == [[0, 1]]
    with_a_photograph = [seen[0], seen[2][:HASH_BYTES] + SMOOTH + seen[2][HASH_BYTES + 1 :]]
    assert same_pictures(with_a_photograph) == []
    assert len(seen[0]) == HASH_BYTES + 1 + CELLS * CELLS * 3


def test_the_more_pictures_the_nearer_a_copy_has_to_be() -> None:
    for count, nearest, farthest in ((50, 26, 32), (1000, 14, 22), (4000, 8, 14)):
        made = strangers(count)
        copies = [changed(each, *range(2 * n)) for n, each in enumerate(made[:17])]
        groups = same_pictures(packed([*made, *copies]))
        joined = sorted(group.max_distance for group in groups)
        assert nearest <= max(joined) <= farthest
        assert joined == list(range(0, max(joined) + 2, 2))
        assert max(group.chance for group in groups) <= 0.01


def test_a_chain_of_small_steps_is_no_group() -> None:
    steps = [strangers(1)[0]]
    for step in range(20):
        steps.append(changed(steps[-1], *range(8 * step, 8 * step + 8)))
    likes = packed([*steps, *strangers(1000, seed=5)])
    groups = same_pictures(likes)
    assert groups
    for group in groups:
        assert len(group.members) <= 5
        assert group.max_distance <= 22
    members = [member for group in groups for member in group.members]
    assert len(members) == len(set(members))


def test_pictures_that_all_look_alike_are_joined_less_readily() -> None:
    odd = np.unpackbits(MIRROR.view(np.uint8))
    rng = np.random.default_rng(4)
    left = strangers(1, seed=9)[0]
    faces = [
        changed(pose, *rng.permutation(256)[:14].tolist())
        for pose in (left, left ^ odd)
        for _ in range(1000)
    ]
    assert same_pictures(packed([*strangers(2000), changed(strangers(1)[0], *range(8))]))
    assert same_pictures(packed([*faces, changed(faces[0], *range(8))])) == []


def test_a_mirror_changes_these_bits() -> None:
    luma = np.asarray(photograph(1).convert("L")).astype(np.float32)
    upright, mirrored = bits(dihedral(pdq64(luma).waves))[:2].view(np.uint64)
    assert np.bitwise_count(upright ^ mirrored ^ MIRROR).sum() <= 6


@pytest.mark.parametrize("size", [2, 5000])
def test_one_picture_in_many_files_is_one_group(size: int) -> None:
    hashed = strangers(1)[0]
    likes = packed([changed(hashed, *pair) for pair in pairwise(n % 200 for n in range(size + 1))])
    assert [len(group.members) for group in same_pictures(likes)] == [size]
