"""Where a bank lies, in a folder or on a server, and one set of functions for both."""

from collections.abc import Mapping
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Protocol, TypeAlias

from detectors.bank.entry import Entry, History
from detectors.bank.folder import store as folder_store
from detectors.bank.server import store as server_store
from detectors.bank.server.address import Address, address, addressed

BankLocation: TypeAlias = Path | Address


class Store(Protocol):
    """A bank that was opened for reading."""

    name: str
    """What records call it."""
    id: str
    """What it is known by wherever it lies: it stays when the bank is renamed."""
    changes: int
    """The state of a bank is its name and this number."""

    @property
    def entries(self) -> Mapping[str, Entry]:
        """Id → entry, withdrawn ones too, in the order in which they came."""

    @property
    def path(self) -> BankLocation:
        """Where it lies."""

    def features(self, entry: Entry) -> bytes | None:
        """Return the local features of an entry; None where it has none or they are damaged."""

    def head(self, entry: Entry, length: int) -> memoryview:
        """Return the first bytes of an entry's features unchecked, empty where it has none."""


class Logged(Store, Protocol):
    """A bank with the log of its changes."""

    def history(self) -> History:
        """Return which change made each entry."""


class Writer(Protocol):
    """A bank that was opened for writing."""

    pending: list[Entry]
    """What was put since the last `commit`."""

    @property
    def bank(self) -> Store:
        """The bank, as it stands."""

    def put(self, entry: Entry, features: bytes | None = None) -> None:
        """Take an entry, new or changed; features replace what it had."""

    def commit(self, *, whole: bool = False) -> list[Entry]:
        """Write what was put, and give it once it is safe.

        Args:
            whole: a writer that is killed leaves all of it or nothing, not a part.
        """


def location_of(name: str) -> BankLocation:
    """Return where a bank lies that the user names; nothing is opened.

    Raises:
        ConfigError: an address that cannot be read.
    """
    return address(name) if addressed(name) else Path(name)


def title(where: BankLocation) -> str:
    """Return what records call a bank that may not exist yet."""
    if isinstance(where, Address):
        return where.name
    return where.resolve().name.removesuffix(".bank")


def exists(where: BankLocation) -> bool:
    """Tell whether something lies there that is to be read as a bank."""
    return server_store.exists(where) if isinstance(where, Address) else folder_store.begun(where)


def opened(where: BankLocation) -> Logged:
    """Open a bank for reading.

    Raises:
        ConfigError: it cannot be used.
    """
    return (
        server_store.ServerBank(where) if isinstance(where, Address) else folder_store.Bank(where)
    )


def create(where: BankLocation, now: str) -> None:
    """Make an empty bank where there is none; an existing one stays as it is.

    Raises:
        ConfigError: it cannot be made.
    """
    if isinstance(where, Address):
        server_store.create(where, now)
    else:
        folder_store.create(where, now)


def writing(where: BankLocation) -> AbstractContextManager[Writer]:
    """Open a bank for writing; it is read anew.

    Raises:
        ConfigError: it cannot be used, or another process writes to the folder.
    """
    return (
        server_store.writing(where) if isinstance(where, Address) else folder_store.writing(where)
    )


def damage(where: BankLocation) -> list[str]:
    """Return what is wrong with a bank, in words; empty where all of it holds.

    Raises:
        ConfigError: there is no such bank.
    """
    return server_store.damage(where) if isinstance(where, Address) else folder_store.damage(where)


def size(where: BankLocation) -> int:
    """Return the bytes that a bank takes."""
    if isinstance(where, Address):
        return server_store.size(where)
    return sum(file.stat().st_size for file in where.iterdir())
