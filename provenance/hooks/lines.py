"""Messages as lines of JSON: one line in, one line out, in order, each as soon as it is decided."""

import queue
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import BinaryIO, Final

from provenance.hooks.message import MOST_BYTES

CHUNK: Final = 1 << 20


def lines_of(source: BinaryIO) -> Iterator[bytes]:
    """Yield lines without their ends; of one that is too long, a beginning that is too long."""
    while line := source.readline(MOST_BYTES + 2):
        whole = line.endswith(b"\n")
        while not whole and (rest := source.readline(CHUNK)):
            whole = rest.endswith(b"\n")
        if line.strip():
            yield line.removesuffix(b"\n")


def answer_lines(
    lines: Iterator[bytes], out: BinaryIO, answer: Callable[[bytes], bytes], ahead: int
) -> None:
    """Write an answer for each line.

    Args:
        lines: read at most so many ahead.
        out: where answers go, flushed after each.
        answer: gives it; called by several threads.
        ahead: lines that are looked at together.

    Raises:
        Exception: what `answer` or writing raised first; nothing is read after it.
    """
    due: queue.Queue[Future[bytes] | None] = queue.Queue(ahead)
    failed = list[BaseException]()

    def write() -> None:
        while (answered := due.get()) is not None:
            if failed:
                continue  # so that nobody waits to put something
            try:
                out.write(answered.result() + b"\n")
                out.flush()
            except BaseException as error:  # noqa: BLE001 - raised again by the caller's thread
                failed.append(error)

    writer = threading.Thread(target=write, name="answers")
    writer.start()
    try:
        with ThreadPoolExecutor(ahead, "line") as pool:
            for line in lines:
                if failed:
                    break
                due.put(pool.submit(answer, line))
    finally:
        due.put(None)
        writer.join()
    if failed:
        raise failed[0]
