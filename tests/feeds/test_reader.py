"""The reader that stands in the documentation reads what is published."""

import hashlib
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

PAGE = Path(__file__).parents[2] / "docs" / "feed-format.md"
MOST_LINES = 60


def test_the_reader_on_the_page_reads_a_feed(anna: Any, feed: Path, tmp_path: Path) -> None:
    (code,) = re.findall(r"```python\n(.*?)```", PAGE.read_text("utf-8"), re.DOTALL)
    assert sum(1 for line in code.splitlines() if line.strip()) <= MOST_LINES
    anna("bank", "withdraw", "--bank", anna.bank, "--reason", "wrong", "a")
    anna.publishes(feed)
    reader = tmp_path / "reader.py"
    reader.write_text(code)
    root = (feed / "metadata/1.root.json").read_bytes()
    told = [str(feed), hashlib.sha256(root).hexdigest(), str(tmp_path / "state")]
    done = subprocess.run(
        [sys.executable, str(reader), *told], capture_output=True, text=True, check=True, timeout=60
    )
    assert done.stdout == "alpha: 1 of 2 entries are in use\n"
