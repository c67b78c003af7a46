"""What a journal's acts have said so far: the registry, the closes, its platforms' topics and keys, its own keys.

Folded from the acts' own entries in order of index, by whoever decides, audits or explains. Also tells whether acts
made since a worker's newest entry change what was posted to them: then the next entry begins with a correction.
Upholds L4: the same entries give the same answers, in whatever batches they came.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from contracts.events import KeyChanged, LedgerOpened, PlatformChanged, platform_source
from ledger.books import CloseAct
from ledger.domain.registry import Registry
from ledger.intake import close_of_entry, said_by_entry, stated_of, version_of_entry
from ledger.keyring import KeyRing, ring_after
from ledger.signatures import changed

if TYPE_CHECKING:
    from contracts.entry import Entry
    from ledger.domain.scheme import Version
    from ledger.domain.standing import Account
    from ledger.domain.story import Closed
    from ledger.intake import PlatformStated
    from ledger.signatures import PlatformKey


@dataclass
class Acts:
    """The acts of one journal, up to the newest one taken in; `signers` are the keys in force, by platform's source."""

    registry: Registry = field(default_factory=Registry)
    closes: list[CloseAct] = field(default_factory=list)
    topics: set[str] = field(default_factory=set)
    signers: dict[str, PlatformKey] = field(default_factory=dict)
    ring: KeyRing = field(default_factory=KeyRing)
    _generations: list[tuple[int, str]] = field(default_factory=list)

    def take(self, entry: Entry) -> None:
        """Take in an act's entry; other entries say nothing here. Raises ValueError for one that can't be accepted."""
        version = version_of_entry(entry)
        if version is not None:
            self.enact(version, entry.index)
        said = said_by_entry(entry)
        if said is not None:
            self.say(*said, entry.index)
        closed = close_of_entry(entry)
        if closed is not None:
            self.close(closed, entry.index)

    def say(self, time: str, data: PlatformChanged | KeyChanged | LedgerOpened, leaf_index: int) -> None:
        """Let an accepted act hold from an entry on. Raises ValueError, nothing changed, for what can't be."""
        if isinstance(data, PlatformChanged):
            self.state(stated_of(time, data), leaf_index)
        elif isinstance(data, KeyChanged):
            self.ring = ring_after(self.ring, data, leaf_index)
        else:
            self.ring = self.ring.opened(data.own)

    def enact(self, version: Version, leaf_index: int) -> None:
        """Let a version act from an entry on. Raises EnactError, nothing changed."""
        self._become(self.registry.enact(version), leaf_index)

    def state(self, stated: PlatformStated, leaf_index: int) -> None:
        """Let a platform's attributes and key hold. Raises ValueError, nothing changed, for an attribute of another
        form, a key that no platform may have, and a platform that should sign all it sends without a key.
        """
        source = platform_source(stated.platform)
        key = changed(self.signers.get(source), stated.signing_key, stated.signed_only)
        if stated.attributes:
            self._become(self.registry.state(stated.platform, stated.attributes, stated.from_day), leaf_index)
        if key is not None:
            self.signers[source] = key
        self.topics.add(stated.topic)

    def close(self, closed: Closed, leaf_index: int) -> None:
        """Let a period be closed."""
        self.registry = self.registry.close(closed.period, closed.platform)
        self.closes.append(CloseAct(leaf_index, closed))

    def copy(self) -> Acts:
        """Give acts that go on apart from these."""
        return Acts(
            self.registry,
            list(self.closes),
            set(self.topics),
            dict(self.signers),
            self.ring,
            list(self._generations),
        )

    @property
    def changed_at(self) -> int:
        """The index of the newest act that changed what is due; -1 for none. Who has an entry after it is not due."""
        return self._generations[-1][0] if self._generations else -1

    def is_due(self, account: Account, newest: int) -> bool:
        """Tell whether acts after a worker's newest entry (its index) reach back into what was posted by then."""
        generation = ""
        for leaf_index, known in self._generations:
            if leaf_index > newest:
                break
            generation = known
        if generation == self.registry.generation:
            return False
        reach = self.registry.reaches_back(generation)
        return reach is not None and account.newest >= reach

    def _become(self, registry: Registry, leaf_index: int) -> None:
        if registry.generation != self.registry.generation:
            self._generations.append((leaf_index, registry.generation))
        self.registry = registry
