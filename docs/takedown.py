"""The zip that `docs/runs.md` walks through, made of the fixtures: an archive as moderators get it.

    python docs/takedown.py FOLDER

writes `takedown.zip` and the folder `known/`, pictures of known fake profiles for a bank.
"""

import json
import shutil
import sys
import zipfile
from pathlib import Path

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


def write(folder: Path) -> None:
    """Write the zip, and pictures for a bank."""
    with zipfile.ZipFile(folder / "takedown.zip", "w") as archive:
        for name, data in members().items():
            archive.writestr(zipfile.ZipInfo(name, DAY), data)
    shutil.copytree(FIXTURES / "fakes/known", folder / "known")


if __name__ == "__main__":
    write(Path(sys.argv[1]))
