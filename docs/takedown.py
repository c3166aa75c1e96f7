"""What the pages walk through, made of the fixtures: an archive as moderators get it.

    python docs/takedown.py FOLDER

writes `takedown.zip`, the folder `known/` (pictures of known fake profiles, for a bank), and
`posts.jsonl`: posts of accounts of which some post together, drawn by lot.
"""

import json
import random
import shutil
import sys
import zipfile
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

FIXTURES = Path(__file__).parent.parent / "fixtures"
DAY = (2026, 11, 30, 0, 0, 0)
"""Of the members; the archive has the same bytes whenever it is made."""
WORDS = [
    "Lost my dog near the harbour, please share.",
    "The council is hiding the numbers again!!",
    "As an AI language model, I cannot express political opinions, but the council hides numbers.",
    "Great weather at the lake today.",
]
AVATARS = ["anna_jpeg.jpg", "anna_jpeg.jpg", "anna_jpeg.jpg", "anna_cropped.jpg"]
"""What the accounts wear, in turn; the first is one file under three names."""
PICTURES = {
    "press/breaking.jpg": "signed/ai.jpg",
    "press/breaking-copy.jpg": "signed/ai.jpg",
    "press/harbour.jpg": "signed/capture.jpg",
    "press/crowd.jpg": "signed/tampered.jpg",
    "press/poster.png": "marks/a1111.png",
    "private/farid.jpg": "fakes/negatives/farid.jpg",
    "private/greta.jpg": "fakes/negatives/greta.jpg",
    "private/hana.jpg": "fakes/negatives/hana.jpg",
    "letter.txt": "texts/traps/job.txt",
}


START: Final = datetime(2026, 3, 1, 8, tzinfo=UTC)
RINGS: Final = {"linden": 14, "harbour": 9}
"""Name of a group → how many accounts it has."""
STRANGERS: Final = 30
LOT: Final = [
    *("the", "bridge", "council", "numbers", "harbour", "closed", "nobody", "says", "why", "again"),
    *("morning", "people", "market", "water", "school", "road", "vote", "night", "money", "plan"),
    *("letter", "station", "river", "doctor", "street", "winter", "answer", "question", "train"),
]


def members() -> dict[str, bytes]:
    """Return the members of the zip."""
    made = {name: (FIXTURES / source).read_bytes() for name, source in PICTURES.items()}
    lines = []
    for number in range(8):
        avatar = f"media/user{number}.jpg"
        made[f"posts/{avatar}"] = (FIXTURES / "fakes/queries" / AVATARS[number % 4]).read_bytes()
        post = {"post_id": f"p{number}", "account_id": f"user{number}"}
        lines.append(json.dumps(post | {"text": WORDS[number % 4], "media": [avatar]}))
    made["posts/feed.jsonl"] = "\n".join(lines).encode() + b"\n"
    return made


def posts(rng: random.Random) -> Iterator[dict[str, Any]]:
    """Yield posts: of groups the same texts within minutes, of strangers their own."""
    numbers = iter(range(10_000))

    def post(who: str, minutes: float, text: str) -> dict[str, Any]:
        at = (START + timedelta(minutes=minutes)).isoformat(timespec="seconds")
        return {"post_id": f"p{next(numbers)}", "account_id": who, "created_at": at, "text": text}

    for ring, count in RINGS.items():
        for _ in range(9):
            text, begin = " ".join(rng.sample(LOT, 11)), rng.random() * 60 * 30
            for member in rng.sample(range(count), count - rng.randrange(3)):
                yield post(f"{ring}-{member}", begin + rng.random() * 5, text)
    for stranger in range(STRANGERS):
        for _ in range(8):
            yield post(f"person-{stranger}", rng.random() * 60 * 30, " ".join(rng.sample(LOT, 11)))


def feed() -> str:
    """Return the posts as a file of posts, the same each time."""
    rng = random.Random(4)  # noqa: S311 - a scene
    return "".join(json.dumps(post) + "\n" for post in posts(rng))


def write(folder: Path) -> None:
    """Write the zip, pictures for a bank, and posts."""
    with zipfile.ZipFile(folder / "takedown.zip", "w") as archive:
        for name, data in members().items():
            archive.writestr(zipfile.ZipInfo(name, DAY), data)
    shutil.copytree(FIXTURES / "fakes/known", folder / "known")
    (folder / "posts.jsonl").write_text(feed(), "utf-8")


if __name__ == "__main__":
    write(Path(sys.argv[1]))
