"""What the store holds of a plan, checked before it is planned as stored: what is damaged is made again.

Everybody's files (metrics, predictions, tables) are read in full; weights and arrays where a task of this run
will read them, up to `FULL_BYTES`, since it is here alone that they can be made again in the same run. Of
others their size is looked at; tasks check what they open (`tlpy.store.check`).
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import replace
from pathlib import Path

from tlpy import checksums
from tlpy.checksums import is_bulk
from tlpy.plan.data.caches import Cache
from tlpy.plan.plain import PlainPlan
from tlpy.records import Stage
from tlpy.store import Store

# Of weights and arrays, in one plan: half a minute where a disk gives 500 MB a second.
FULL_BYTES = 16 * 10**9


class StoredWork:
    """Finished work of a plan.

    Args:
        store: None: there is nothing.

    Attributes:
        warnings: what was damaged and set aside, a sentence each.
    """

    def __init__(self, store: Store | None) -> None:
        self._store = store
        self._left = FULL_BYTES
        self._known: dict[tuple[str, str, bool], bool] = {}
        self.warnings: list[str] = []

    def stages(self, stages: Mapping[str, Stage], all_read: bool = False) -> dict[str, Stage]:
        """The stages, `stored` where they are finished and sound.

        Args:
            stages: of the plan, by id.
            all_read: the weights of any stage may be read, not only of those that others start from.
        """
        kept = {key for key in stages if self._is_sound("stages", key, full=all_read)}
        # Deepest first: a stage whose weights turn out damaged is trained again, and so reads its parent's.
        for stage in sorted(stages.values(), key=lambda one: (-one.depth, one.id)):
            parent = stage.parent
            if stage.id not in kept and parent in kept and not self._is_sound("stages", parent, full=True):
                kept.discard(parent)
        return {key: replace(stage, stored=key in kept) for key, stage in stages.items()}

    def caches(
        self, caches: Mapping[str, Cache], stages: Iterable[Stage], plain: PlainPlan, scored: Collection[str]
    ) -> set[str]:
        """The ids of the caches that are whole and sound.

        Args:
            caches: of the plan, by id.
            stages: of the plan, `stored` or to be trained.
            plain: the plain baselines.
            scored: caches that finished stages are scored on.
        """
        read = {cache for stage in stages if not stage.stored for cache in stage.caches} | set(scored)
        for fit in plain.fits.values():
            if not self._is_sound("plain", fit.id, full=False):
                read |= {*fit.caches, *(source.cache for source in fit.external)}
        # Every shard is looked at: all that are damaged are told at once.
        sound = {
            key: [self._is_sound("cache", shard, full=key in read) for shard in cache.shard_ids()]
            for key, cache in caches.items()
        }
        return {key for key, shards in sound.items() if all(shards)}

    def _is_sound(self, kind: str, entry_id: str, full: bool) -> bool:
        """Whether an entry is there and as it was kept, looked at once; one that is not is set aside."""
        key = (kind, entry_id, full)
        if key not in self._known:
            self._known[key] = self._look(kind, entry_id, full)
        return self._known[key]

    def _look(self, kind: str, entry_id: str, full: bool) -> bool:
        if self._store is None or not self._store.has(kind, entry_id):
            return False
        entry = self._store.path(kind, entry_id)
        number = entry.stat().st_ino
        bulk = full and self._affords(entry)
        found = self._store.faults(kind, entry_id, lambda name: bulk or not is_bulk(name))
        if not found:
            return True
        try:
            aside = self._store.set_aside(kind, entry_id, number)
            done = f"it was set aside as {aside.name} and is made again" if aside else "it is made again"
        except OSError as error:
            done = f"it could not be set aside ({error.strerror}): remove it"
        self.warnings.append(f"{checksums.told(entry, found)}; {done}")
        return False

    def _affords(self, entry: Path) -> bool:
        """Whether the weights and arrays of an entry can be read without keeping the plan waiting."""
        size = sum(file.stat().st_size for file in entry.iterdir() if is_bulk(file.name))
        fits = size <= self._left
        self._left -= size if fits else 0
        return fits
