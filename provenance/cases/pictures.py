"""Which avatars are one picture: to the byte, saved again or cut, by the index of banks."""

from collections import defaultdict
from collections.abc import Mapping

from provenance.banking.same import pairs
from provenance.engine.isolated import isolated


def same_pictures(avatars: Mapping[str, tuple[str, str]]) -> dict[str, list[str]]:
    """Return the accounts whose avatars are one picture.

    Pictures with too little detail to be told apart (plain ones, most placeholders) are never one,
    and the chance that any two are joined that are not one picture is at most .01.

    Args:
        avatars: account → path and SHA-256 of its picture.

    Returns:
        Account → the others, sorted; accounts without any are left out.

    Raises:
        ConfigError: the pictures could not be compared within the limits of a process.
    """
    accounts = defaultdict[str, list[str]](list)
    paths: dict[str, str] = {}
    for account, (path, sha256) in avatars.items():
        accounts[sha256].append(account)
        paths[sha256] = path
    same = defaultdict[str, set[str]](set)
    for one, other in isolated("the avatars", pairs, paths) if len(avatars) > 1 else ():
        for account in accounts[one]:
            same[account].update(accounts[other])
        for account in accounts[other]:
            same[account].update(accounts[one])
    return {account: sorted(others - {account}) for account, others in same.items()}
