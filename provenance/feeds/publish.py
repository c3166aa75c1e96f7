"""Make a feed, publish into it, renew its time stamp and replace its keys."""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
from securesystemslib.signer import CryptoSigner
from tuf.api.metadata import Root

from detectors.bank.location import BankLocation, opened
from detectors.errors import ConfigError
from provenance.feeds import beside, keys, rows, settings
from provenance.feeds.form import (
    ABOUT,
    FORMAT,
    PART,
    About,
    checked_name,
    delta_target,
    deltas,
    snapshot_parts,
    snapshot_target,
)
from provenance.feeds.keys import ONLINE, ROOT, KeyFolders, Passphrase
from provenance.feeds.repository import ROOT_KEYS, Repository, first_root
from provenance.feeds.settings import Settings

Files = dict[str, tuple[bytes, dict[str, Any]]]
"""Name of a target → its bytes, and what is signed about it besides."""
PUBLISHED = "published"
"""Of a change: its day, by which it is dropped."""


class Published(msgspec.Struct, frozen=True, kw_only=True):
    """What was published."""

    name: str
    tlp: str
    sequence: int
    entries: int
    changed: int
    """Entries that are new or say something else."""
    vanished: int
    """Entries that were published last, and are in no bank any more."""
    held: dict[str, int]
    """TLP → entries that stay."""
    root_beside: bool
    """Whether root keys lie beside the online ones."""


def init(
    feed: Path,
    about: Settings,
    now: datetime,
    *,
    where: Path | None = None,
    root_where: Sequence[Path] = (),
    threshold: int = 2,
    secret: bytes | None = None,
) -> tuple[str, KeyFolders]:
    """Make an empty feed and its keys; return its fingerprint, and where the keys lie.

    Args:
        feed: a folder that is empty or not there.
        about: what it says of itself.
        now: UTC.
        where: folder of the keys; None: in the user's data folder.
        root_where: folders of the root keys, one each or one for all; none: beside the others.
        threshold: root keys that have to sign together.
        secret: passphrase of the keys.

    Raises:
        ConfigError: something lies there, or there are keys of such a feed.
    """
    checked_name(about.name)
    if feed.exists() and (not feed.is_dir() or any(feed.iterdir())):
        raise ConfigError(f"{feed}: is not empty; name a new folder")
    if not 1 <= threshold <= ROOT_KEYS:
        raise ConfigError(f"threshold {threshold}: use 1 to {ROOT_KEYS}")
    if len(root_where) not in (0, 1, ROOT_KEYS):
        raise ConfigError(f"name one folder or {ROOT_KEYS} for the root keys")
    if where is None:
        where = keys.folder() / "keys" / about.name
        if where.exists():
            raise ConfigError(f"{where}: there are keys of a feed {about.name}; use --keys DIR")
    if feed.resolve() in (where.resolve(), *where.resolve().parents):
        raise ConfigError(f"{where}: lies in the feed, which goes to others; use another folder")
    folders = [*root_where] or [where]
    roots = [keys.make(ROOT, folders[n % len(folders)], secret) for n in range(ROOT_KEYS)]
    online = {role: keys.make(role, where, secret) for role in ONLINE}
    feed.mkdir(parents=True, exist_ok=True)
    settings.save(feed, about)
    first_root(feed, roots, online, threshold, now + about.expires.of(ROOT))
    (feed / "targets").mkdir(exist_ok=True)
    fingerprint = Repository(feed).fingerprint
    noted = KeyFolders(
        name=about.name,
        keys=str(where.absolute()),
        root_keys=[str(each.absolute()) for each in folders],
    )
    keys.note(fingerprint, noted)
    return fingerprint, noted


class Publisher:
    """A feed with the keys that sign it."""

    def __init__(
        self, feed: Path, ask: Passphrase, where: Path | None = None, roots: Sequence[Path] = ()
    ) -> None:
        """Load the feed.

        Args:
            feed: the folder.
            ask: gives the passphrase of encrypted keys.
            where: folder of the keys; None: as noted by `init`.
            roots: folders of the root keys; none: as noted.

        Raises:
            Error: it is no feed, or was changed by somebody else.
        """
        self.settings = settings.load(feed)
        self.repository = Repository(feed)
        self.folders = keys.folders(self.repository.fingerprint, where, roots)
        self._ask = ask

    @property
    def root_beside(self) -> bool:
        """Whether root keys lie beside the online ones."""
        return bool(keys.beside(self.folders))

    def about(self) -> About | None:
        """Return what the feed said last; None before it was published."""
        if ABOUT not in self.repository.listed:
            return None
        return msgspec.json.decode(self.repository.target(ABOUT), type=About)

    def publish(
        self,
        banks: Iterable[BankLocation],
        now: datetime,
        *,
        baseline_days: int = 30,
        cases: Sequence[Path] = (),
        answers: bool = False,
        misp: bool = False,
        stix: bool = False,
    ) -> Published:
        """Publish what changed; without a change the time stamp alone is signed anew.

        Args:
            banks: whose entries the feed holds; none: those that it holds stay.
            now: UTC.
            baseline_days: days for which changes are kept, so that who is behind needs no snapshot.
            cases: folders of cases whose public part the feed holds; none: those that it holds.
            answers: publish the answers to the feeds that are followed here.
            misp: write the folder of a MISP feed beside it.
            stix: write a STIX bundle beside it.

        Raises:
            Error: a bank or a key cannot be used.
        """
        signers = self._online()
        said = self.about()
        before = self._lines(said)
        stores = [opened(each) for each in banks]
        if stores or said is None:
            found = rows.collect(stores, self.settings.tlp, before)
        else:
            found = rows.Collected(before, {}, said.classes, said.algorithms)
        changed = [name for name, line in found.lines.items() if before.get(name) != line]
        vanished = [name for name in before if name not in found.lines]
        moved = bool(changed or vanished) or said is None
        sequence = (said.sequence if said else 0) + moved
        files = self._entries(found, before, changed, sequence, now) if moved else {}
        if vanished:
            files.pop(delta_target(sequence - 1, sequence), None)
        about = self._about(found, sequence)
        if about != said:
            files[ABOUT] = msgspec.json.format(msgspec.json.encode(about), indent=1), {}
        files |= self._cases(cases) | (_answers(about) if answers else {})
        named = {*files}
        same = [name for name, made in files.items() if not self._differs(name, made[0])]
        files = {name: made for name, made in files.items() if name not in same}
        gone = rows.taken_back(before, found.lines)
        kept = self._kept(sequence, gone, now - timedelta(days=baseline_days))
        kept += self._others(cases=not cases, named=named)
        kept = [*dict.fromkeys([*same, *kept])]
        kept = [name for name in kept if name not in files]
        self._sign(signers, now, kept, files)
        if misp:
            beside.misp(self.repository.feed, about, found.lines.values())
        if stix:
            beside.stix(self.repository.feed, about, found.lines.values())
        return Published(
            name=about.name, tlp=about.tlp, sequence=sequence, entries=len(found.lines),
            changed=len(changed), vanished=len(vanished), held=found.held,
            root_beside=self.root_beside,
        )  # fmt: skip

    def renew(self, now: datetime) -> datetime:
        """Sign a new time stamp; return until when it holds."""
        if self.repository.timestamp is None:
            raise ConfigError(f"{self.repository.feed}: nothing was published yet")
        self.repository.sign(self._online(), now, self.settings.expires)
        return self.repository.timestamp.signed.expires

    def rotate(self, roles: Sequence[str], now: datetime, secret: bytes | None) -> dict[str, str]:
        """Replace a key of each of some roles; return role → id of the new one.

        Of the root that key goes which is not at hand, else the first; two of the old ones sign.
        Where several keys are lost, they are replaced together.

        Args:
            roles: `timestamp`, `snapshot`, `targets` or `root`.
            now: UTC.
            secret: passphrase of the new keys.

        Raises:
            Error: too few of the root keys are at hand, or a key that stays is not; then the feed
                stays as it was.
        """
        root = Root.from_dict(self.repository.root.to_dict())
        homes = [Path(each) for each in self.folders.root_keys]
        at_hand = keys.load(ROOT, root.roles[ROOT].keyids, homes, self._ask)
        self.repository.enough(at_hand)
        resigned = self.repository.timestamp is not None and {*roles} != {ROOT}
        signers = self._online(but=roles) if resigned else {}
        old, made = dict[str, Path](), dict[str, CryptoSigner]()
        for role in roles:
            gone = self._replaced(root, role, at_hand)
            old[role] = self._home(role, gone, homes) / f"{role}-{gone[: keys.SHOWN]}.pem"
            made[role] = keys.make(role, old[role].parent, secret)
            root.revoke_key(gone, role)
            root.add_key(made[role].public_key, role)
        root.version += 1
        root.expires = now + self.settings.expires.of(ROOT)
        self.repository.add_root(root, [*at_hand, *([made[ROOT]] if ROOT in made else [])])
        if resigned:
            self.repository.sign(signers | made, now, self.settings.expires)
        for path in old.values():
            path.unlink(missing_ok=True)
        return {role: str(signer.public_key.keyid) for role, signer in made.items()}

    def _home(self, role: str, keyid: str, homes: list[Path]) -> Path:
        """Return the folder of a key that goes: of a lost one of the root, one that has none."""
        if role != ROOT:
            return Path(self.folders.keys)
        name = f"{ROOT}-{keyid[: keys.SHOWN]}.pem"
        there = [each for each in homes if (each / name).is_file()]
        bare = [each for each in homes if not [*each.glob(f"{ROOT}-*.pem")]]
        return [*there, *bare, *homes][0]

    def _replaced(self, root: Root, role: str, at_hand: list[CryptoSigner]) -> str:
        """Return the id of the key that goes."""
        ids: list[str] = root.roles[role].keyids
        if role != ROOT:
            return ids[0]
        there = {signer.public_key.keyid for signer in at_hand}
        return next((each for each in ids if each not in there), ids[0])

    def _online(self, but: Sequence[str] = ()) -> dict[str, CryptoSigner]:
        """Return the keys that publishing needs, but for those of some roles.

        Raises:
            ConfigError: one is not at hand.
        """
        found = {}
        for role in (each for each in ONLINE if each not in but):
            ids = self.repository.root.roles[role].keyids
            signers = keys.load(role, ids, [Path(self.folders.keys)], self._ask)
            if not signers:
                raise ConfigError(
                    f"{self.folders.keys}: the key of the role {role} is missing;"
                    f" `provenance feed rotate --role {role}` replaces it with the root keys"
                )
            found[role] = signers[0]
        return found

    def _lines(self, said: About | None) -> rows.Lines:
        """Return the lines that were published last."""
        if said is None:
            return {}
        names = snapshot_parts(self.repository.listed, said.sequence)
        return rows.by_id(rows.unpacked(self.repository.target(name)) for name in names)

    def _entries(
        self,
        found: rows.Collected,
        before: rows.Lines,
        changed: list[str],
        sequence: int,
        now: datetime,
    ) -> Files:
        """Return the snapshot and the change since the last one, where one makes sense."""
        made = {
            snapshot_target(sequence, part): (data, dict[str, Any]())
            for part, data in enumerate(rows.parts(found.lines.values()), 1)
        }
        size = sum(len(found.lines[name]) for name in changed)
        if before and size <= PART:
            delta = rows.packed(found.lines[name] for name in changed)
            custom = {PUBLISHED: now.date().isoformat()}
            made[delta_target(sequence - 1, sequence)] = delta, custom
        return made

    def _kept(self, sequence: int, gone: set[str], oldest: datetime) -> list[str]:
        """Return which targets stay: no old change, and none that shows what is gone."""
        listed = self.repository.listed
        kept = [ABOUT, *snapshot_parts(listed, sequence)]
        for each in deltas(listed):
            custom = listed[each.target].custom or {}
            young = str(custom.get(PUBLISHED, "")) >= oldest.date().isoformat()
            if young and not (gone and rows.showing(self.repository.target(each.target), gone)):
                kept.append(each.target)
        return [name for name in kept if name in listed]

    def _cases(self, folders: Sequence[Path]) -> Files:
        """Return the public parts of cases.

        Raises:
            ConfigError: a case cannot be used.
        """
        from provenance.cases.case import load
        from provenance.cases.exports import stix
        from provenance.cases.sharing import Sharing, shared

        tlp = self.settings.tlp.value
        made: Files = {}
        for each in folders:
            case = shared(load(each), Sharing(tlp=tlp, keys=keys.folder().parent / "cases"))
            name = f"cases/{checked_name(case.id)}"
            data = msgspec.json.format(msgspec.json.encode(case), indent=1) + b"\n"
            made[f"{name}.json"] = data, {}
            made[f"{name}.stix.json"] = stix.write(case, tlp), {}
        return made

    def _differs(self, name: str, data: bytes) -> bool:
        """Tell whether a target is new, or says something else than it did."""
        known = self.repository.listed.get(name)
        return known is None or known.hashes.get("sha256") != hashlib.sha256(data).hexdigest()

    def _others(self, *, cases: bool, named: set[str]) -> list[str]:
        """Return which cases and answers stay."""
        folders = ("answers/", "cases/") if cases else ("answers/",)
        listed = self.repository.listed
        return [name for name in listed if name.startswith(folders) and name not in named]

    def _about(self, found: rows.Collected, sequence: int) -> About:
        """Return what the feed says of itself."""
        said = self.settings
        return About(
            format=FORMAT, name=said.name, publisher=said.publisher, contact=said.contact,
            tlp=said.tlp.value, classes=found.classes, algorithms=found.algorithms,
            sequence=sequence, license=said.license or None,
        )  # fmt: skip

    def _sign(
        self,
        signers: Mapping[str, CryptoSigner],
        now: datetime,
        kept: Sequence[str],
        files: Files,
    ) -> None:
        """Write what is new and sign what changed."""
        same = not files and {*kept} == {*self.repository.listed}
        listed = None if same else self.repository.write_targets(kept, files)
        self.repository.sign(signers, now, self.settings.expires, listed)


def _answers(about: About) -> Files:
    """Return the answers to the feeds that are followed here."""
    from provenance.feeds.answers import answered, written
    from provenance.feeds.follow import followed

    made: Files = {}
    for feed in followed():
        if answered(feed):
            made[f"answers/{feed.name}.jsonl"] = written(feed, about.publisher)[0], {}
    return made
