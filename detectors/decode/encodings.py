"""In which encoding bytes are text, or that they are none."""

import codecs
import re

UNICODE = {
    codecs.BOM_UTF32_LE: "utf-32-le",
    codecs.BOM_UTF32_BE: "utf-32-be",
    codecs.BOM_UTF16_LE: "utf-16-le",
    codecs.BOM_UTF16_BE: "utf-16-be",
}
"""Byte order marks; those of UTF-32 first, for they begin like one of UTF-16."""
CONTROL = bytes(set(range(32)) - set(b"\t\n\v\f\r\x1b"))
"""C0 controls that text does not hold."""
SHARE = 0.05
"""Share of control bytes of a stretch above which bytes are no text."""
STRETCH = {True: 4096, False: 512}
"""Bytes of a stretch: of what is UTF-8, and of anything else, which may be binary from there on."""
LONGEST = 8 << 20
"""Bytes that are looked at; longer texts are not examined."""
UNLIKELY = re.compile("[\0-\x08\x0e-\x1a\x1c-\x1f\ue000-\uf8ff\ufffd]")
"""What text in 16 or 32 bits holds little of: controls, private use, what fits no character."""
SECOND_CONTROLS = re.compile("[\x80-\x9f]")
"""Controls that ISO 8859 has a place for and nobody writes."""
BEYOND_ASCII = re.compile("[^\0-\x7f\ufffd]")
SAMPLE = 64 << 10
"""Bytes by which an 8-bit encoding is told."""
SEVEN_BIT = re.compile(rb"\x1b(?:\$[@AB]|\$\([CDOP]|\([BIJ]|\$\)[ACG])")
"""Escape sequences that choose a character set (ISO 2022)."""
SHIFTED = ("iso2022_jp_ext", "iso2022_kr")
ORDER = (
    "gb18030", "big5", "cp932", "euc_jis_2004", "cp949", "koi8_r", "koi8_u", "cp1251", "cp1252",
    "cp1250", "cp1253", "cp1254", "cp1255", "cp1256", "cp1257", "cp1258", "iso8859_2", "iso8859_5",
    "iso8859_7", "iso8859_9", "cp866", "cp874",
)  # fmt: skip
"""Encodings that are told apart, from those preferred where nothing else decides."""
WESTERN = "cp1252"
LATIN = {"cp1250", "cp1252", "cp1254", "cp1257", "cp1258", "iso8859_2", "iso8859_9"}
EASTERN = {
    "Czech", "Polish", "Slovak", "Hungarian", "Romanian", "Croatian", "Slovene", "Turkish",
    "Lithuanian", "Latvian", "Estonian", "Vietnamese", "Serbian", "Bosnian",
}  # fmt: skip
"""Languages of the Latin alphabet that Windows-1252 cannot write."""
LETTERS = re.compile(
    "[ÀÁÂÃÄÅÆÇÈÉÊËÌÍÎÏÑÒÓÔÕÖØÙÚÛÜßàáâãäåæçèéêëìíîïñòóôõöøùúûüÿŒœŸŠšŽž"
    "\u2013\u2014\u2018-\u201a\u201c-\u201e\u2039\u203a\u00b4…•€£¥§©®™°²³·¼½¾¿¡«»ªº¨±µ¶\u00a0\u00ad]"
)
"""What Western European texts hold besides ASCII."""
WESTERN_SHARE = 0.4
"""Most of the letters of a Western text are ASCII; of a text misread as one, few."""
KANA = re.compile("[\u3041-\u30fe]")
HANGUL = re.compile("[\uac00-\ud7a3]")
HALF_WIDTH = re.compile("[\uff61-\uff9f]")
"""Katakana of old terminals; a text full of them is a misread one."""
SOME, MOST, NEARLY_ALL = 0.2, 0.5, 0.9
"""Shares of such letters, of those beyond ASCII, that tell a script."""
ASCII = re.compile(rb"[\x20-\x7e\s]+")


def of(data: bytes) -> str | None:
    """Return the name of the encoding in which bytes are text, None where they are no text.

    UTF-8 and UTF-16 need no guess. Damaged UTF-8 is `utf-8`. Of anything else the letters
    decide; where they decide nothing, mostly ASCII is read as Windows-1252.
    """
    whole = len(data) <= LONGEST
    data = data[:LONGEST]
    for mark, name in UNICODE.items():
        if data.startswith(mark):
            return name if _is_wide(data, name) else None
    try:
        codecs.utf_8_decode(data, "strict", whole)
    except UnicodeDecodeError:
        return _eight_bits(data) if is_quiet(data) else None
    return _shifted(data) or ("utf-8" if is_quiet(data, STRETCH[True]) else None)


def is_quiet(data: bytes, stretch: int = STRETCH[False]) -> bool:
    """Tell whether no stretch, through the whole length, holds many control characters."""
    if len(data.translate(None, CONTROL)) == len(data):
        return True
    for start in range(0, len(data), stretch):
        part = data[start : start + stretch]
        if len(part) - len(part.translate(None, CONTROL)) > SHARE * len(part):
            return False
    return True


def _is_wide(data: bytes, name: str) -> bool:
    """Tell whether bytes behind a byte order mark are text."""
    text = data.decode(name, "replace")
    return len(UNLIKELY.findall(text)) <= 1 + SHARE * len(text)


def _shifted(data: bytes) -> str | None:
    """Return a 7-bit encoding of several character sets, where escape sequences choose one."""
    if b"\x1b" in data and SEVEN_BIT.search(data):
        for name in SHIFTED:
            try:
                data.decode(name)
            except UnicodeDecodeError:
                continue
            return name
    return None


def _eight_bits(data: bytes) -> str | None:
    """Return the encoding of bytes that are not UTF-8."""
    text = data.decode("utf-8", "replace")
    lost = text.count("\ufffd") - data.count(b"\xef\xbf\xbd")
    sound = len(BEYOND_ASCII.findall(text))
    if sound and sound >= lost:
        return "utf-8"
    sample = _lines(data)
    western = sample.decode(WESTERN, "replace")
    best = _told(sample, western)
    if best is None or not _decodes(data, best):
        plain = sum(map(len, ASCII.findall(sample)))
        return WESTERN if 2 * plain >= len(sample) else None
    return best


def _lines(data: bytes) -> bytes:
    """Return the first bytes that are not ASCII, with their surroundings, at a line's end."""
    if len(data) <= SAMPLE:
        return data
    first = re.search(rb"[\x80-\xff]", data)
    start = data.rfind(b"\n", 0, first.start() if first else 0) + 1
    sample = data[start : start + SAMPLE]
    end = sample.rfind(b"\n")
    return sample[:end] if end > 0 else sample


def _told(sample: bytes, western: str) -> str | None:
    """Return the likeliest encoding of a sample."""
    import charset_normalizer

    likely = charset_normalizer.from_bytes(sample, 5, 512, cp_isolation=list(ORDER))
    found = [match for match in likely if not SECOND_CONTROLS.search(str(match))]
    if not found:
        return None
    best = found[0]
    if best.encoding in LATIN or not best.coherence:
        reads_western = _is_western(western) and best.language not in EASTERN
        if reads_western or str(best) == western:
            return WESTERN
    equal = [m for m in found if (m.chaos, m.coherence) == (best.chaos, best.coherence)]
    return min(equal, key=lambda match: _rank(str(match), match.encoding)).encoding


def _is_western(text: str) -> bool:
    """Tell whether a text read as Windows-1252 looks like one of Western Europe."""
    foreign = [letter for letter in text if letter > "\x7f"]
    letters = sum(map(str.isalpha, text))
    known = sum(map(len, LETTERS.findall("".join(foreign))))
    return known == len(foreign) and len(foreign) <= WESTERN_SHARE * max(letters, 1)


def _rank(text: str, encoding: str) -> tuple[int, int]:
    """Return how likely a reading is, where a statistic finds several alike; less is likelier."""
    beyond = len(BEYOND_ASCII.findall(text)) or 1
    order = ORDER.index(encoding) if encoding in ORDER else len(ORDER)
    if len(HALF_WIDTH.findall(text)) > MOST * beyond:
        return 3, order
    if len(KANA.findall(text)) > SOME * beyond:
        return 0, order
    return (1 if len(HANGUL.findall(text)) > NEARLY_ALL * beyond else 2), order


def _decodes(data: bytes, encoding: str) -> bool:
    """Tell whether all bytes are text in this encoding."""
    try:
        data.decode(encoding)
    except UnicodeDecodeError:
        return False
    return True
