"""Trust lists: named, dated lists of certificates, of the package and of the user.

A list is a name with one part for each use. The package's lists are described in `index.toml`
beside this file, the user's in an `index.toml` of the user's data folder; a user's part stands
instead of the packaged one of the same name and use, so that a newer edition can be imported.
"""

from detectors.c2pa.trust.lists import (
    STALE_AFTER,
    InUse,
    Part,
    Signers,
    TrustList,
    in_use,
    known,
    steady,
    user_folder,
)

__all__ = [
    "EXTENDED_KEY_USAGES",
    "STALE_AFTER",
    "InUse",
    "Part",
    "Signers",
    "TrustList",
    "in_use",
    "known",
    "steady",
    "user_folder",
]

EXTENDED_KEY_USAGES = """\
1.3.6.1.5.5.7.3.4
1.3.6.1.5.5.7.3.36
1.3.6.1.5.5.7.3.8
1.3.6.1.5.5.7.3.9
1.3.6.1.4.1.311.76.59.1.9
1.3.6.1.4.1.62558.2.1
"""
"""Extended key usages of signers, one OID a line: emailProtection, documentSigning (RFC 9336),
timeStamping, OCSPSigning, Microsoft's for content credentials, C2PA claim signing. Without them
c2pa-python 0.38 accepts emailProtection alone and calls everything else an invalid credential."""
