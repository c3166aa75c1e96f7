"""Archives as sources: each member an item, read as a stream and never written to the disk.

Names of members are only names: `..` and a leading `/` lead nowhere. ZIP archives are told by a
sound local header (APPNOTE 6.3.10, 4.3.7), tar by its magic (POSIX.1-2017, pax), behind gzip, bzip2
or xz too. Word and other documents that are ZIP archives are documents.
"""

import os
from typing import Final

from detectors.decode.sniff import NAMED_PICTURES
from provenance.intake import files, remote
from provenance.intake.archives.cut_zip import is_local_header
from provenance.intake.archives.members import BROKEN, Archive
from provenance.intake.archives.tars import BLOCK, STREAMS, Tar, is_tar, unpacked
from provenance.intake.archives.zips import Zip, is_document

ENDINGS: Final = (".zip", ".tar", ".tgz", ".tbz2", ".txz", ".gz", ".bz2", ".xz")
"""Of objects in buckets that may be archives: to look into each object would ask for it twice."""


def opened(path: str, *, follow: bool) -> Archive | None:
    """Return the archive that a file is by its content, None for any other file."""
    how = compression(path, follow=follow)
    if how is None:
        return None
    return Zip(path, follow=follow) if how == "zip" else Tar(path, how, follow=follow)


def compression(path: str, *, follow: bool) -> str | None:
    """Tell how an archive is packed: `zip`, or `gz`, `bz2`, `xz` or nothing around tar.

    Returns:
        None for a file that is no archive, for one that is named as a picture, which is told as
        what it is, and for an object in a bucket that is not named as an archive.

    Raises:
        UnavailableError: a store does not answer.
    """
    named_otherwise = remote.is_remote(path) and not path.lower().endswith(ENDINGS)
    if named_otherwise or os.path.splitext(path)[1].lower() in NAMED_PICTURES:
        return None
    try:
        with files.stream(path, follow=follow) as file:
            head = file.read(2 * BLOCK) or b""
    except OSError:
        return None
    if is_local_header(head):
        return None if is_document(path, follow=follow) else "zip"
    how = next((how for magic, how in STREAMS.items() if head.startswith(magic)), None)
    if how is None:
        return "" if is_tar(head) else None
    try:
        with files.stream(path, follow=follow) as file, unpacked(file, how) as stream:
            return how if is_tar(stream.read(BLOCK)) else None
    except BROKEN:
        return None
