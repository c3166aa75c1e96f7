"""Text of PDF files, page by page."""

import io
import logging
import re
from itertools import accumulate
from typing import TYPE_CHECKING, Any

from detectors.decode.documents import Document, damaged, needs_extra, shown
from detectors.errors import CannotAssess
from detectors.signal import Outcome, Reason

if TYPE_CHECKING:
    from pypdf import PdfReader

FORM = "PDF"
MOST_PAGES = 100
"""Pages that are read; the models assess the first 500 words."""
OPERATIONS = 200_000
"""Drawing operators and pieces of text that are followed in one file, about 3 CPU seconds; a full
page has 3,000."""
DAMAGE = OPERATIONS // 10
"""What a page costs that cannot be read: most of them are found out only at their end."""
LIMITS: dict[str, Any] = {
    "zlib_maximum_output_length": 16 << 20,
    "lzw_maximum_output_length": 4 << 20,
    "run_length_maximum_output_length": 4 << 20,
    "brotli_maximum_output_length": 4 << 20,
    "array_based_stream_maximum_output_length": 4 << 20,
    "stream_decoding_work_maximum_length": 32 << 20,
    "stream_parsing_work_maximum_count": 400_000,
    "page_tree_maximum_entries": 20_000,
    "page_tree_maximum_page_entries": 200_000,
    "xform_maximum_invocations_per_extraction": 200,
    "jbig2dec_binary": None,
}
"""Limits of pypdf, below its own: bytes that a stream unpacks to, objects it may hold. No program
is started for pictures."""
PROPERTIES = ("Producer", "Creator", "Author", "CreationDate", "ModDate")
_HYPHEN = re.compile(r"([^\W\d_])[-\u00ad\u2010]\n([^\W\d_])")


class _SpentError(Exception):
    """The operators that are followed are used up."""


class _Budget:
    """Counts operators as pypdf follows them."""

    def __init__(self) -> None:
        self.left = OPERATIONS

    def __call__(self, _operator: object, operands: Any, *_matrices: object) -> None:
        self.spend(1 + sum(len(operand) for operand in operands if isinstance(operand, list)))

    def spend(self, cost: int) -> None:
        """Take from what is left.

        Raises:
            _SpentError: nothing is left.
        """
        self.left -= cost
        if self.left < 0:
            raise _SpentError


def read(data: bytes, facts: dict[str, Any]) -> Document:
    """Read the text of the first 100 pages, words cut at line ends joined.

    Sets `facts["extractor"]`, `facts["pages"]`, `facts["pages_read"]` where pages were left out
    (over a limit or damaged), and `facts["document"]` with the properties of the file. A file
    that any viewer opens without a password is read.

    Raises:
        CannotAssess: pypdf is missing, the file is damaged, locked, or has pictures of text only.
    """
    try:
        import pypdf
    except ImportError:
        raise needs_extra(FORM) from None
    faults = _faults(pypdf)
    logging.getLogger("pypdf").addHandler(logging.NullHandler())
    facts["extractor"] = f"pypdf {pypdf.__version__}"
    with pypdf.apply_configuration(**LIMITS):
        try:
            reader = pypdf.PdfReader(io.BytesIO(data))
            if reader.is_encrypted and not reader.decrypt(""):
                raise CannotAssess(Outcome.NOT_ASSESSED, Reason("passage.locked"))
            facts["pages"] = len(reader.pages)
        except faults as fault:
            raise _why(fault) from None
        texts = _pages(reader, faults, facts)
        facts |= _properties(reader, faults)
    if not "".join(texts).strip():
        raise CannotAssess(Outcome.NOT_ASSESSED, Reason("passage.pictures_only"))
    starts = (0, *accumulate(len(text) + 1 for text in texts[:-1]))
    return Document(text="\n".join(texts), pages=starts)


def _faults(pypdf: Any) -> tuple[type[BaseException], ...]:
    """Return what pypdf raises on odd files: its own errors and Python's."""
    return (
        pypdf.errors.PyPdfError, ArithmeticError, AssertionError, AttributeError, LookupError,
        NotImplementedError, OSError, RecursionError, TypeError, ValueError,
    )  # fmt: skip


def _pages(
    reader: "PdfReader", faults: tuple[type[BaseException], ...], facts: dict[str, Any]
) -> list[str]:
    """Return the texts of the pages; of one that cannot be read, or is beyond a limit, none."""
    texts: list[str] = []
    faulty: BaseException = _SpentError()
    budget, unread = _Budget(), max(0, facts["pages"] - MOST_PAGES)
    last = min(facts["pages"], MOST_PAGES)
    for number in range(last):
        try:
            budget.spend(0)
            text = reader.pages[number].extract_text(visitor_operand_before=budget)
        except _SpentError:
            unread += last - number
            break
        except faults as fault:
            faulty, text, unread = fault, "", unread + 1
            budget.left -= DAMAGE
        texts.append(_whole(text))
    if unread == facts["pages"]:
        raise _why(faulty)
    if unread:
        facts["pages_read"] = facts["pages"] - unread
    return texts


def _why(fault: BaseException) -> CannotAssess:
    """Return what to raise for a fault: a limit that was reached is no damage."""
    from pypdf.errors import LimitReachedError

    if isinstance(fault, LimitReachedError | _SpentError):
        return CannotAssess(Outcome.NOT_ASSESSED, Reason("passage.too_complex", {"format": FORM}))
    return damaged(FORM, fault)


def _whole(text: str) -> str:
    """Return a page's text with words that a line end cut joined, and without lone surrogates."""
    text = text.replace("\r\n", "\n").encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return _HYPHEN.sub(lambda cut: cut[1] + cut[2] if cut[2].islower() else cut[0], text.rstrip())


def _properties(reader: "PdfReader", faults: tuple[type[BaseException], ...]) -> dict[str, Any]:
    """Return what the file says of itself."""
    try:
        said: Any = reader.metadata or {}
        found = {name: said[f"/{name}"] for name in PROPERTIES if f"/{name}" in said}
    except faults:
        return {}
    kept = {_snake(name): shown(value) for name, value in found.items()}
    return {"document": kept} if kept else {}


def _snake(name: str) -> str:
    """Return `creation_date` for `CreationDate`."""
    return re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name).lower()
