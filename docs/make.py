"""Write what the documentation quotes: `python docs/make.py`.

- `docs/commands.md`: every `--help`;
- `docs/man/*.1`: a manual page of each, which the wheel carries (`docs/manual.py`);
- `docs/marks.md`: every mark of pictures and texts, from the tables;
- `docs/reasons.md`: every reason code with its sentence;
- `sbom.cdx.json`: the bill of materials, which the wheel carries (`tools/sbom.py`);
- `docs/screen.svg` and the screen in the README: a real run over a fixture;
- the screens in `docs/runs.md`: real runs over `takedown.zip` (`docs/takedown.py`);
- the screens in `docs/tutorial-*.md`: every command of them, run in order (`docs/tutorials.py`);
- the table of languages in `docs/languages.md`, from the card of `languages/`;
- what our models reach, in `docs/comparison.md`;
- the README's table of figures, from `docs/figures.json` (`benchmarks/figures.py`) and each model's
  `metrics.json` (`provenance evaluate`).

A test runs all of `PAGES` and compares, so that no page can fall behind.
"""

import io
import json
import os
import re
import subprocess
import sys
import tempfile
import tomllib
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import click
import manual
import takedown
import tutorials
from msgspec import to_builtins

from detectors.text_marks.table import marks as text_rows
from provenance.cli import provenance
from provenance.messages import table

HERE = Path(__file__).parent
ROOT = HERE.parent
MARKS_HEAD = """# Marks

Every mark that `metadata` and `text_marks` know; written by `python docs/make.py`.
A mark is what a program writes of itself, or what an assistant leaves behind. Anyone can write a
field, so a mark never gives more than `review`; and most files carry none, so its absence says
nothing. Fields are named over all containers: PNG keyword, EXIF tag, XMP property, IIM dataset.
"""
TEXTS_HEAD = """
## Texts

People and models: texts with the mark that is no talk about it, of how many were looked at
(`benchmarks/text_marks.py`: splits of research corpora by language, and raw texts of DetectRL,
WETBench and HC3-Plus without what was attacked, polished or mixed). The ratio is the share of
models by the 95 % upper bound of the share of people; tokens of chat windows have none, because
no corpus holds them. A sentence of a language in which no models were counted has a ratio of 4,
whatever people were counted. Quoted, reported, listed, shown as code, in jest or beside the
text of a page, every mark is a fact that claims nothing.
"""
WALK = {
    "cheap": "scan takedown.zip --out takedown.run --only credentials,metadata,text_marks",
    "bank": "bank add --bank known.bank known --class ai_face",
    "matched": "scan takedown.zip --out takedown.run --show high --bank known.bank"
    " --only credentials,metadata,text_marks,known_fakes",
}
"""Mark in the page of runs → the command whose screen stands there, in order."""
SECONDS = re.compile(r"\d+\.\d s\.")
REASONS_HEAD = """# Reason codes

Every reason that a signal of a record may carry, with its English sentence; written by
`python docs/make.py`. Codes are stable, sentences are not. What stands in braces comes from the
reason's `args`. In the pages of this site each code has an anchor: `reasons.html#CODE`.
"""
REASONS = {
    "item": "The item itself", "archive": "Archives", "engine": "Checks that could not be done",
    "picture": "Pictures that could not be judged", "credential": "Credentials",
    "metadata": "Marks in pictures", "watermarks": "Marks in pixels",
    "known_fakes": "Known fakes", "image_model": "Classifier of pictures",
    "portrait": "Classifier of portraits", "text_credentials": "Credentials in texts",
    "text_marks": "Marks in texts", "text_model": "Classifier of texts",
    "calibration": "Classifiers", "coordination": "Accounts that act together",
    "conflict": "Disagreements",
}  # fmt: skip
"""What a reason code begins with → the heading it stands under."""
LARGE = 100
"""Texts from which on a group is shown as the worst."""
SCREEN = ("check", "fixtures/signed/laundered.jpg", "--without", "image_model,portrait")


def run(*args: str, cwd: Path = ROOT, **variables: str) -> str:
    """Return what the command prints, in an empty home."""
    names = ("PATH", "PYTHONPATH", "PYTHONSAFEPATH", "VIRTUAL_ENV")
    kept = {k: v for k, v in os.environ.items() if k in names}
    env = kept | {"HOME": "/nonexistent", "COLUMNS": "80", "PYTHONUTF8": "1"} | variables
    return started(args, cwd, env)


def started(args: Sequence[str], cwd: Path, env: dict[str, str]) -> str:
    """Return what the command prints."""
    command = [sys.executable, "-m", "provenance", *args]
    done = subprocess.run(command, cwd=cwd, env=env, capture_output=True, text=True, check=False)
    return done.stdout


def tree() -> Iterator[tuple[str, click.Command]]:
    """Yield every command with its name behind `provenance`, groups before what is in them."""

    def below(name: str, command: click.Command) -> Iterator[tuple[str, click.Command]]:
        yield name, command
        if isinstance(command, click.Group):
            for each in command.list_commands(context):
                found = command.get_command(context, each)
                assert found is not None  # noqa: S101 - it is listed
                yield from below(f"{name} {each}".strip(), found)

    context = click.Context(provenance)
    yield from below("", provenance)


def commands() -> str:
    """Return the page of commands."""
    parts = ["# Commands\n\nWhat `--help` says of each; written by `python docs/make.py`.\n"]
    for name, _ in tree():
        title = f"provenance {name}".strip()
        parts.append(f"## {title}\n\n```\n{run(*name.split(), '--help').rstrip()}\n```\n")
    return "\n".join(parts)


def manuals() -> dict[Path, str]:
    """Return the manual pages: path → content."""
    made = (manual.manual(f"provenance {name}".strip(), command) for name, command in tree())
    return {HERE / "man" / file: page for file, page in made}


def picture() -> str:
    """Return the screen as a picture."""
    from rich.console import Console
    from rich.text import Text

    # in the colours of the screen: rich keeps a style's codes as they were when first printed
    console = Console(record=True, width=80, file=io.StringIO(), color_system="256")
    console.print(Text(f"$ provenance {' '.join(SCREEN[:2])}\n"))
    console.print(Text.from_ansi(run(*SCREEN, FORCE_COLOR="1").rstrip()))
    return console.export_svg(title="provenance check", unique_id="screen")


def share(figure: dict[str, Any]) -> str:
    """Return a share as people read it: k of n, and its interval."""
    return f"{figure['k']} of {figure['n']} [{figure['low']:.3f}, {figure['high']:.3f}]"


def figures() -> str:
    """Return the README's table of detectors."""
    known = json.loads((HERE / "figures.json").read_text("utf-8"))
    names = ("credentials", "texts", "known_fakes", "watermarks")
    pictures, texts, fakes, pixels = (known[name] for name in names)
    rows = [
        ("credentials", {"states right": pictures["states"],
                         "AI declarations found": pictures["declarations"]}),
        ("metadata", {"AI marks found": pictures["marks"],
                      "clean files accused": pictures["accused"]}),
        ("watermarks", {"messages read": pixels["messages"], "labels found": pixels["labels"],
                        "clean pictures accused": pixels["accused"]}),
        ("known_fakes", {"altered copies found": fakes["recall"],
                         "wrong identity": fakes["wrong"], "strangers matched": fakes["alarms"]}),
        ("text_credentials", {"states right": texts["states"]}),
        ("text_marks", {"marks found": texts["marks"], "innocent texts accused": texts["accused"]}),
    ]  # fmt: skip
    said = [
        (name, "; ".join(f"{k} {share(v)}" for k, v in shares.items())) for name, shares in rows
    ]
    said += [(name, model(name)) for name in ("image_model", "portrait", "text_model")]
    return "| detector | measured |\n|---|---|\n" + "\n".join(f"| `{a}` | {b} |" for a, b in said)


def model(name: str) -> str:
    """Return a model's line, from what its own evaluation wrote."""
    metrics = json.loads((ROOT / "detectors" / name / "metrics.json").read_text("utf-8"))
    return {"image_model": image_line, "portrait": portrait_line, "text_model": text_line}[name](
        metrics
    )


def image_line(metrics: dict[str, Any]) -> str:
    """Return the line of the picture model."""
    whole, accused = metrics["all"], metrics["accused"]["all"]
    low, high = whole["auroc_95"]
    return (
        f"AUROC {whole['auroc']} [{low}, {high}], n {whole['ai']} AI and {whole['real']} other;"
        f" caught at LR 10: {whole['caught']:.0%}; accused {part(accused)}"
    )


def portrait_line(metrics: dict[str, Any]) -> str:
    """Return the line of the portrait model."""
    groups = metrics["groups"]
    caught, people, tight = (groups[n] for n in ("generated", "photographs", "tight head shots"))
    return (
        f"GAN portraits caught {caught['accused']} of {caught['n']}; head shots accused"
        f" {part(people)}, of tight ones {part(tight)}"
    )


def text_line(metrics: dict[str, Any]) -> str:
    """Return the line of the text model."""
    named = {row["name"]: row for row in metrics["rankings"]}
    said = [
        f"{name} {row['auroc']} [{row['interval'][0]}, {row['interval'][1]}]"
        for name in ("English", "English, over 150 words")
        if (row := named[name])
    ]
    caught = next(row for row in metrics["caught"] if row["name"] == "all AI texts")
    wrong = next(row for row in metrics["accused"] if row["name"] == "all human texts")
    domains = [row for row in metrics["accused"] if row["texts"] >= LARGE]
    worst = max(domains, key=lambda row: float(row["reached"] / row["texts"]))
    return (
        f"AUROC {'; '.join(said)}; caught at LR 10: {reached(caught)};"
        f" accused {reached(wrong)}, worst group {worst['name']}: {reached(worst)}"
    )


def reached(row: dict[str, Any]) -> str:
    """Return k of n with its interval."""
    low, high = row["interval"]
    return f"{row['reached']} of {row['texts']} [{low:.3f}, {high:.3f}]"


def part(group: dict[str, Any]) -> str:
    """Return a group's share of accused."""
    low, high = group["wilson_95"]
    return f"{group['accused']} of {group['n']} [{low:.3f}, {high:.3f}]"


def between(page: str, mark: str, content: str) -> str:
    """Return the page with what stands between two marks replaced."""
    pattern = rf"(<!-- {mark} -->\n).*?(<!-- /{mark} -->)"
    return re.sub(pattern, lambda m: f"{m[1]}{content}\n{m[2]}", page, count=1, flags=re.DOTALL)


def readme() -> str:
    """Read the README with its figures and its screen."""
    page = (ROOT / "README.md").read_text("utf-8")
    screen = f"```\n$ provenance {' '.join(SCREEN[:2])}\n{run(*SCREEN, NO_COLOR='1').rstrip()}\n```"
    return between(between(page, "figures", figures()), "screen", screen)


def comparison() -> str:
    """Read the page of other programs, with the lines of our models (`benchmarks/peers.py`)."""
    page = (HERE / "comparison.md").read_text("utf-8")
    page = between(page, "ours-texts", model("text_model"))
    return between(page, "ours-pictures", model("image_model"))


def runs() -> str:
    """Read the page of runs, with the screens of a walk through `takedown.zip`."""
    page = (HERE / "runs.md").read_text("utf-8")
    with tempfile.TemporaryDirectory() as scratch:
        takedown.write(Path(scratch))
        for mark, command in WALK.items():
            said = run(*command.split(), cwd=Path(scratch), NO_COLOR="1", PROVENANCE_JOBS="1")
            said = SECONDS.sub("… s.", said.rstrip())
            page = between(page, mark, f"```\n$ provenance {command}\n{said}\n```")
    return page


def languages() -> str:
    """Read the page of languages, with the table of the plug-in's card."""
    card = (ROOT / "languages" / "provenance_languages" / "card.md").read_text("utf-8")
    table = re.search(r"^## Languages\n((?:\|.*\n)+)", card, re.MULTILINE)
    page = (HERE / "languages.md").read_text("utf-8")
    return between(page, "languages", table[1].rstrip() if table else "")


def marks() -> str:
    """Return the page of marks: every row of the tables of pictures and of texts."""
    pictures = tomllib.loads((ROOT / "detectors/metadata/marks.toml").read_text("utf-8"))
    texts: list[dict[str, Any]] = [to_builtins(mark) for mark in text_rows()]
    parts = [MARKS_HEAD, "## What a field is for\n", "| name | fields |", "|---|---|"]
    for name, fields in pictures["fields"].items():
        parts.append(f"| `{name}` | {', '.join(f'`{cell(field)}`' for field in fields)} |")
    parts += ["\n## Pictures\n", "| mark | claim | fields | ratio | source | risk |"]
    parts.append("|---|---|---|---|---|---|")
    for row in pictures["mark"]:
        fields = ", ".join(f"`{field}`" for field in row["when"][0]["fields"])
        more = f" and {len(row['when']) - 1} more" if len(row["when"]) > 1 else ""
        parts.append(line(row, fields + more, ratio(row), row["source"], row["risk"]))
    parts += [TEXTS_HEAD, "| mark | claim | ratio | people | models | writer | note |"]
    parts.append("|---|---|---|---|---|---|---|")
    for row in texts:
        counts = [
            f"{row[who][0]} of {row[who][1]:,}" if row[who] else "" for who in ("human", "ai")
        ]
        parts.append(line(row, ratio(row), *counts, row["source"] or "", row["note"]))
    return "\n".join(parts) + "\n"


def reasons() -> str:
    """Return the page of reason codes."""
    sentences = table()
    parts = [REASONS_HEAD]
    for begins, title in REASONS.items():
        parts += [f"## {title}\n", "| code | sentence |", "|---|---|"]
        parts += [
            f"| {anchored(code)} | {cell(said)} |"
            for code, said in sentences.items()
            if code.startswith(f"{begins}.")
        ]
        parts.append("")
    return "\n".join(parts)


def tutorial(page: Path) -> str:
    """Return a tutorial with its commands run."""
    with tempfile.TemporaryDirectory() as scratch:
        return tutorials.played(page, Path(scratch).resolve())


def materials() -> str:
    """Return the bill of materials."""
    command = [sys.executable, ROOT / "tools" / "sbom.py"]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


def anchored(name: str) -> str:
    """Return a code or a mark's id as code, with an anchor of that name."""
    return f'<a id="{name}"></a>`{name}`'


def line(row: dict[str, Any], *cells: str) -> str:
    """Return a line of the tables of marks."""
    named = (anchored(row["id"]), row.get("claim") or "none", *cells)
    return f"| {' | '.join(map(cell, named))} |"


def cell(text: str) -> str:
    """Return text for a cell of a table."""
    return " ".join(text.split()).replace("|", "\\|")


def ratio(row: dict[str, Any]) -> str:
    """Return the likelihood ratio of a mark, where one was measured."""
    said = row.get("log10_lr")
    return f"{10**said:.0f} (log10 {said})" if isinstance(said, float) else "unmeasured"


PAGES: dict[Path, Callable[[], str]] = {
    HERE / "commands.md": commands,
    HERE / "marks.md": marks,
    HERE / "reasons.md": reasons,
    ROOT / "sbom.cdx.json": materials,
    HERE / "screen.svg": picture,
    HERE / "runs.md": runs,
    HERE / "comparison.md": comparison,
    HERE / "languages.md": languages,
    ROOT / "README.md": readme,
    **{path: partial(tutorial, path) for path in sorted(HERE.glob("tutorial-*.md"))},
}
"""Every page that is written, but for those of `manuals` → how."""


if __name__ == "__main__":
    pages = PAGES | {path: partial(str, page) for path, page in manuals().items()}
    for path, written in pages.items():
        path.write_text(written(), "utf-8")
        print(f"wrote {path.relative_to(ROOT)}")
