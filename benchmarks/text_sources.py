"""Cut the texts of detectors/text_model/sources.tsv out of clones: a split to learn from.

    python benchmarks/text_sources.py --clones DIR --data DIR [--out NAME]

DIR of the clones holds bare clones as OWNER+NAME/repo (or OWNER/NAME); of the data, the splits
whose texts no new one may share ten words in a row with. Writes NAME.jsonl.gz there (default
`more`). What is cut and what is left out: `docs/text-model.md`, "More sources". Draws are seeded
by the row, so a row can be added without changing the texts of others. A group `model` in a row's
pattern of files is the model that wrote a file.
"""

import argparse
import csv
import gzip
import hashlib
import html
import io
import json
import random
import re
import subprocess
import sys
import tarfile
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from xml.etree import ElementTree as ET

from detectors.text_model.language import language
from detectors.text_model.normalise import normalise
from detectors.text_model.training.records import read, splits_of

TABLE = Path("detectors/text_model/sources.tsv")
HUMAN_WEIGHT = 0.25
"""Of a text by a person against one of the data; docs/text-model.md has other values."""
SHORTEST, LONGEST = 60, 500
ANSWER = 120
"""Words of the shortest answer of a model that is used, so that length says little."""
RUN = 10
"""Words in a row that no text may share with another split."""
BASE = re.compile(r"davinci|curie|babbage|phi-2$|-base$|gpt2", re.IGNORECASE)
REFUSAL = re.compile(
    r"^\W*(?:i'?m sorry|i am sorry|sorry|i apologi[sz]e|i can(?:no|')t|as an ai|i'm unable)",
    re.IGNORECASE,
)
NO_PROSE = re.compile(r"```|<code|\\begin\{|\$\$")
LIST_LINE = re.compile(r"\s*(?:[-*+\u2022]|\d{1,3}[.)]|#{1,6}|\|)\s?")
CITATION = re.compile(
    r"\s?\[(?:@[^\]]*|\d+(?:[,\u2013 -]+\d+)*)\]|\{#[^}]*\}|\\@ref\([^)]*\)|\[\^[^\]]*\]"
)
LINE = re.compile(r"\s*(?:#|\||!\[|<|\{|:::|\\|[-*+] |\d+[.)] |>|---|===|\.\. |:\w+:|\[[^\]]*\]:)")
FENCE = re.compile(r"^(?:```|~~~).*?^(?:```|~~~)", re.MULTILINE | re.DOTALL)
HEADER = re.compile(r"\A---\n.*?\n---\n", re.DOTALL)
REFERENCES = re.compile(
    r"\s*(?:References|Bibliography|Further Reading|Suggested Read|Answer Key)", re.IGNORECASE
)
TAG = re.compile(r"<[^<>]*>")
PARAGRAPH = re.compile(r"<p\b[^>]*>(.*?)</p>", re.DOTALL | re.IGNORECASE)
PROGRAM = re.compile(r"<\?.*?\?>|<param[^>]*>|\{[^{}]*\}", re.DOTALL)
CITED = re.compile(r"\(\d{4}[^()]{0,12}\)\. ?[A-Z'\"]|Available (?:at|from):|\[Online\]")
OFFER = re.compile(
    r"^\W*(?:i'?ll|i will|i can|i'?d be|here(?:'s| is)|sure|certainly"
    r"|this (?:essay|draft) (?:meets|includes))",
    re.IGNORECASE,
)
ESSAY = re.compile(r"^\*{4,} Essay number: \d+ \*{4,}$", re.MULTILINE)
ASKED = {
    "claude": "claude-sonnet-4",
    "gemini": "gemini-2.5-flash",
    "gpt": "gpt-4o",
    "grok": "grok-3",
}
"""Models of the source "Essays Witty" by folder, as its scripts name them."""
NOT_SAID = {
    "figure",
    "caption",
    "list",
    "note",
    "table",
    "equation",
    "exercise",
    "glossary",
    "media",
}

Documents = Iterable[tuple[str, list[str]]]
"""Pairs of a generator (empty: a person) and paragraphs in a row."""


def main() -> int:
    """Write the split; print what every row gave."""
    asked = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    asked.add_argument("--clones", type=Path, required=True)
    asked.add_argument("--data", type=Path, required=True)
    asked.add_argument("--out", default="more")
    asked.add_argument("--table", type=Path, default=TABLE)
    given = asked.parse_args()
    lines = [line for line in given.table.read_text().splitlines() if not line.startswith("#")]
    rows = list(csv.DictReader(lines, delimiter="\t"))
    others = tuple(name for name in splits_of(given.data) if name != given.out)
    seen = {run for text in read(given.data, others) for run in _runs(text.text)}
    out = given.data / f"{given.out}.jsonl.gz"
    with gzip.open(out.with_suffix(".part"), "wt", encoding="utf-8") as file:
        for row in rows:
            kept = _drawn(row, given.clones, seen)
            for record in kept:
                print(json.dumps(record, ensure_ascii=False), file=file)
            print(
                f"{row['repo']}\t{row['source']}\t{len(kept)} of {row['n']}",
                file=sys.stderr,
                flush=True,
            )
    out.with_suffix(".part").replace(out)
    return 0


def _drawn(row: dict[str, str], clones: Path, seen: set[int]) -> list[dict[str, object]]:
    """Build at most n records of a row, none of whose runs of words was seen; theirs are now."""
    draw = random.Random(f"{row['repo']} {row['label']}")  # noqa: S311 - a draw, no secret
    least = SHORTEST if row["label"] == "human" else ANSWER
    documents = [one for one in _documents(row, clones) if len(" ".join(one[1]).split()) >= least]
    draw.shuffle(documents)
    if row["label"] == "ai":
        documents = _in_turn(documents)
    kept: list[dict[str, object]] = []
    for generator, paragraphs in documents:
        for text in _pieces(paragraphs, draw, 1 if generator else 8):
            if len(kept) == int(row["n"]):
                return kept
            words = len(text.split())
            runs = set(_runs(text))
            if words < SHORTEST or language(text) != "en" or runs & seen:
                continue
            seen |= runs
            kept.append({
                "id": hashlib.sha256(text.encode()).hexdigest()[:12],
                "text": text,
                "label": row["label"],
                "source": row["source"],
                "domain": row["domain"],
                "generator": generator or None,
                "language": "en",
                "words": words,
                "weight": 1.0 if generator else HUMAN_WEIGHT,
            })  # fmt: skip
    return kept


def _in_turn(documents: list[tuple[str, list[str]]]) -> list[tuple[str, list[str]]]:
    """Return one document of every generator, then the second of every one."""
    met: Counter[str] = Counter()
    place: list[tuple[int, int, tuple[str, list[str]]]] = []
    for one in documents:
        met[one[0]] += 1
        place.append((met[one[0]], len(place), one))
    return [one for _, _, one in sorted(place, key=lambda item: item[:2])]


def _pieces(paragraphs: list[str], draw: random.Random, most: int) -> Iterator[str]:
    """Cut paragraphs in a row to texts of drawn lengths, to a last sentence where it can be."""
    at = 0
    for _ in range(most):
        want = min(LONGEST, max(SHORTEST, int(draw.lognormvariate(5.25, 0.5))))
        taken: list[str] = []
        while at < len(paragraphs) and len(" ".join(taken).split()) < want:
            taken.append(paragraphs[at])
            at += 1
        if not taken:
            return
        yield _to_sentence(normalise("\n".join(taken)), int(want * 1.15))


def _to_sentence(text: str, words: int) -> str:
    parts = text.split(" ")
    if len(parts) <= words:
        return text
    ends = [n for n in range(SHORTEST, words) if parts[n].endswith((".", "!", "?", '."', ".)"))]
    return " ".join(parts[: (ends[-1] + 1 if ends else words)])


def _runs(text: str) -> Iterator[int]:
    words = re.findall(r"\w+", text.lower())
    return (hash(tuple(words[n : n + RUN])) for n in range(len(words) - RUN + 1))


def _documents(row: dict[str, str], clones: Path) -> Documents:
    """Read the files of a row by their form."""
    wanted = re.compile(row["include"])
    reads = _reader(row)
    for name in (
        _git(row, clones, "ls-tree", "-r", "--name-only", row["commit"]).decode().splitlines()
    ):
        if found := wanted.search(name):
            try:
                raw = _git(row, clones, "cat-file", "blob", f"{row['commit']}:{name}")
            except subprocess.CalledProcessError:
                continue  # some clones lack the largest files
            path = found.groupdict().get("model") or ""
            for text in _texts(name, raw):
                for generator, paragraphs in reads(text):
                    yield generator or ASKED.get(path, path), paragraphs


def _texts(name: str, raw: bytes) -> Iterator[str]:
    """Return a file's text, or those of the files in an archive."""
    if not name.endswith(".tar.gz"):
        yield raw.decode("utf-8", "replace")
        return
    with tarfile.open(fileobj=io.BytesIO(raw)) as archive:
        for member in archive:
            if file := archive.extractfile(member):
                yield file.read().decode("utf-8", "replace")


def _git(row: dict[str, str], clones: Path, *words: str) -> bytes:
    plain = clones / row["repo"]
    folder = plain if plain.exists() else clones / row["repo"].replace("/", "+") / "repo"
    return subprocess.run(
        ["git", "-c", "core.quotePath=off", "--git-dir", str(folder), *words],
        check=True,
        capture_output=True,
    ).stdout


def _reader(row: dict[str, str]) -> Callable[[str], Documents]:
    if row["label"] == "ai":
        return MODELS[row["source"]]
    return next((PEOPLE[kind] for kind in PEOPLE if row["source"].startswith(kind)), _markdown)


def _prose(paragraphs: Iterable[str]) -> list[str]:
    """Keep paragraphs that are sentences."""
    found = []
    for paragraph in paragraphs:
        text = " ".join(CITATION.sub("", paragraph).split())
        if len(text.split()) >= 15 and re.search(r"[.!?][\"')\]]*$", text):  # a sentence
            found.append(text)
    return found


def _markdown(text: str) -> Documents:
    text = FENCE.sub("\n\n", HEADER.sub("", text.replace("\r\n", "\n")))
    blocks = re.split(r"\n\s*\n", text)
    yield "", _prose(b for b in blocks if not LINE.match(b) and not NO_PROSE.search(b))


def _cnxml(text: str) -> Documents:
    def paras(node: ET.Element) -> Iterator[str]:
        if REFERENCES.match(_title(node)):
            return
        for child in node:
            tag = child.tag.rpartition("}")[2]
            if tag == "para":
                yield _words(child)
            elif tag not in NOT_SAID:
                yield from paras(child)

    root = ET.fromstring(text)  # noqa: S314 - of a commit that the table names
    content = next((n for n in root if n.tag.endswith("}content")), None)
    if content is not None and not REFERENCES.match(_title(root)):
        yield "", _prose(paras(content))


def _title(node: ET.Element) -> str:
    return "".join("".join(n.itertext()) for n in node if n.tag.endswith("}title"))


def _words(node: ET.Element) -> str:
    """Return an element's text without figures, lists, formulas and footnotes."""
    if node.tag.rpartition("}")[2] in NOT_SAID | {"footnote", "math", "link"}:
        return node.tail or ""
    return (node.text or "") + "".join(_words(child) for child in node) + (node.tail or "")


def _statute(text: str) -> Documents:
    root = ET.fromstring(text)  # noqa: S314 - of a commit that the table names
    yield "", _prose(" ".join(n.itertext()) for n in root.iter() if n.tag.endswith("}text"))


def _reports(text: str) -> Documents:
    for page in json.loads(text):
        yield (
            "",
            _prose(one["text"] for one in sorted(page["paragraphs"], key=lambda p: p["order"])),
        )


def _liang(text: str) -> Documents:
    for one in json.loads(text):
        document = re.sub(r"^Title:.*\n|^Abstract: ?", "", one["document"], flags=re.MULTILINE)
        yield "", [part for part in document.split("\n") if part.strip()]


def _liang_models(text: str) -> Documents:
    yield from (("gpt-3.5-turbo", paragraphs) for _, paragraphs in _liang(text))


def _abstracts(text: str) -> Documents:
    for one in csv.DictReader(io.StringIO(text)):
        yield "", [one["abstract"]] if "$" not in one["abstract"] else []


def _trial(text: str) -> Documents:
    parts = re.split(r"\n\s*\n|ABSTRACT\.[A-Z/ :,&]+:|BODY[.A-Z/ :,&]*:", text)
    yield "", _prose(part for part in parts if not part.startswith("TITLE"))


def _lines(text: str) -> Documents:
    yield "", _prose(text.split("\n"))


def _wikitext(text: str) -> Documents:
    joined = re.sub(r" @([-,.])@ ", r"\1", text)
    joined = re.sub(r'" ([^"\n]*) "', r'"\1"', joined).replace("s ' ", "s' ")
    for article in re.split(r"\n = [^=\n]+ = ?\n", joined):
        if "<unk>" not in article:
            for section in re.split(r"\n (?:= )+.*\n", article):
                yield "", _prose(section.split("\n"))


def _squad(text: str) -> Documents:
    for article in json.loads(text)["data"]:
        yield "", _prose(one["context"] for one in article["paragraphs"])


def _page(text: str) -> Documents:
    """Read the paragraphs of a page of HTML, JSX or PHP, long ones in parts."""
    body = re.split(r">\s*(?:References?|Bibliography)\b", text, maxsplit=1)[0]
    said = (html.unescape(TAG.sub(" ", PROGRAM.sub(" ", one))) for one in PARAGRAPH.findall(body))
    yield "", [part for one in _prose(said) if not CITED.search(one) for part in _parts(one)]


def _parts(paragraph: str) -> Iterator[str]:
    """Cut a paragraph to runs of three sentences."""
    sentences = re.split(r"(?<=[.!?]) (?=[A-Z])", paragraph)
    return (" ".join(sentences[at : at + 3]) for at in range(0, len(sentences), 3))


def _juncture(text: str) -> Documents:
    yield from _markdown(PROGRAM.sub(" ", text.partition("Bibliography")[0]))


def _json_lines(text: str) -> Documents:
    for line in filter(None, text.split("\n")):
        yield "", _prose([json.loads(line)])


def _exam(text: str) -> Documents:
    for _, paragraphs in _markdown(text):
        yield "", paragraphs[1:]  # the first is the question


def _uppsala(text: str) -> Documents:
    yield "", _prose(line for line in text.split("\n") if not re.match(r"<|.*\ufffd", line))


def _tokens(text: str) -> Documents:
    """Read essays of one token a line, paragraphs parted by a blank line, essays by two."""
    for essay in text.split("\n\n\n"):
        yield "", _prose(_joined(part) for part in essay.split("\n\n"))


def _joined(lines: str) -> str:
    said = " ".join(re.findall(r"^\d+\t(\S+)", lines, re.MULTILINE))
    return re.sub(r" - (?=\w)", "-", re.sub(r" ' (?=(?:s|t|re|ve|ll|d|m)\b)", "'", said))


def _extracted(text: str) -> Documents:
    yield "", _prose(text.partition("!@#$%^&*()")[0].split("\n"))  # comments come after it


def _articles(text: str) -> Documents:
    for one in json.loads(text).values():
        yield "", _prose(one["articleBody"].split("\n"))


def _whole(text: str) -> Documents:
    yield "", _prose([text])


def _herbold(text: str) -> Documents:
    for one in csv.DictReader(io.StringIO(text), delimiter=";"):
        yield "", [part for part in one["Student"].split("\n") if part.strip()]


def _herbold_models(text: str) -> Documents:
    for one in csv.DictReader(io.StringIO(text), delimiter=";"):
        for column, generator in (("ChatGPT-3", "gpt-3.5-turbo"), ("ChatGPT-4", "gpt-4")):
            yield generator, [part for part in one[column].split("\n") if part.strip()]


def _answer(generator: str, text: str) -> Documents:
    """Yield an answer that is prose; nothing for refusals, code and lists."""
    if BASE.search(generator) or REFUSAL.match(text) or NO_PROSE.search(text):
        return
    lines = [line for line in text.split("\n") if line.strip()]
    if lines and sum(bool(LIST_LINE.match(line)) for line in lines) <= len(lines) / 3:
        yield generator, lines


def _alpaca(text: str) -> Documents:
    for one in json.loads(text):
        yield from _answer(one["generator"], one["output"])


def _wildbench(text: str) -> Documents:
    for one in json.loads(text):
        if isinstance(said := one.get("model_output"), str):
            yield from _answer(one["model_test"].rpartition("/")[2], said)


def _arena(text: str) -> Documents:
    for line in filter(None, text.split("\n")):
        one = json.loads(line)
        said = one["messages"][1]["content"]
        yield from _answer(one["model"], said["answer"] if isinstance(said, dict) else said)


def _research(text: str) -> Documents:
    for line in filter(None, text.split("\n")):
        paragraphs = _prose(json.loads(line)["article"].split("\n"))
        for at in range(0, len(paragraphs), 4):
            yield "claude-3-7-sonnet", paragraphs[at : at + 4]


def _witty(text: str) -> Documents:
    for essay in ESSAY.split(text):
        for _, lines in _answer("", re.split(r"(?:Works Cited|References)", essay)[0]):
            yield "", [line for line in _prose(lines) if not OFFER.match(line)]


def _boswell(text: str) -> Documents:
    """Read an essay in parts of four paragraphs; grades come after it."""
    lines = re.split(r"# Grading Feedback|References", text)[0].split("\n")
    paragraphs = [one for one in _prose(lines) if not REFUSAL.match(one) and one[0] != "#"]
    for at in range(0, len(paragraphs), 4):
        yield "", paragraphs[at : at + 4]


def _synthetic(text: str) -> Documents:
    yield from _boswell(text.partition("## Essay Content")[2])


def _gede(text: str) -> Documents:
    for one in csv.DictReader(io.StringIO(text), delimiter=";"):
        said = re.sub(r"(?<=[a-z][.!?])(?=[A-Z])", "\n", one["llm"] or "")
        for _, lines in _answer("", said):
            yield "", _prose(lines)


def _bevilacqua(text: str) -> Documents:
    for one in csv.DictReader(io.StringIO(text)):
        yield from _answer("gpt-4", one["Response"])


PEOPLE: dict[str, Callable[[str], Documents]] = {
    "OpenStax": _cnxml,
    "TAT": _reports,
    "Liang2023": _liang,
    "Proceedings": _abstracts,
    "EvidenceInference": _trial,
    "CRAFT": _lines,
    "DCCode": _statute,
    "WikiText": _wikitext,
    "XQuAD": _squad,
    "Herbold2023": _herbold,
    "Essays StudyMoose": _json_lines,
    "Essays GRE": _exam,
    "Essays Uppsala": _uppsala,
    "Essays AAEC": _tokens,
    "Essays Microtexts": _whole,
    "Essays Kent": _juncture,
    "Essays Plants": _juncture,
    "Essays Assignment": _page,
    "Essays Dragnet": _extracted,
    "Essays Articles": _articles,
}
MODELS: dict[str, Callable[[str], Documents]] = {
    "AlpacaEval": _alpaca,
    "WildBench": _wildbench,
    "ArenaHard": _arena,
    "DeepResearch": _research,
    "Bevilacqua2023": _bevilacqua,
    "Liang2023": _liang_models,
    "Herbold2023": _herbold_models,
    "Essays Witty": _witty,
    "Essays SixArm": _markdown,
    "Essays Boswell": _boswell,
    "Essays Synthetic": _synthetic,
    "Essays GEDE": _gede,
}

if __name__ == "__main__":
    sys.exit(main())
