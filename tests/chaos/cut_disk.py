"""A disk in memory whose power can be cut: an apsw VFS that knows of every file what was synced and what was not.

After a cut each sector of a file holds one of the contents it has had since the last sync, chosen on its own, so that
unsynced writes are kept, lost, torn or reordered; what was synced is always there. Only for a process that opens its
databases with apsw and with nothing else.
"""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from typing import Any

import apsw

SECTOR = 512


class PowerCut(Exception):
    """There is no power: every call fails from now on."""


@dataclass
class File:
    """One file: as the program sees it, as it was synced, and what was written since, in order."""

    seen: bytearray = field(default_factory=bytearray)
    synced: bytes = b""
    exists: bool = False
    """Whether its name is on the disk; from the first sync on."""
    since: list[tuple[int, int, bytes]] = field(default_factory=list)
    """First sector, size of the file, and the sectors' new content."""

    def write(self, data: bytes, offset: int) -> None:
        """Writes, and remembers how the touched sectors look now."""
        if len(self.seen) < offset:
            self.seen.extend(bytes(offset - len(self.seen)))
        self.seen[offset : offset + len(data)] = data
        self._remember(offset // SECTOR, offset + len(data))

    def truncate(self, size: int) -> None:
        """Cuts off or fills up with zeros."""
        del self.seen[size:]
        self.seen.extend(bytes(size - len(self.seen)))
        self._remember(size // SECTOR, size)

    def sync(self) -> None:
        """Everything written so far will survive."""
        self.synced, self.since, self.exists = bytes(self.seen), [], True

    def after_cut(self, chance: random.Random) -> bytes | None:
        """What is found afterwards, None when not even the name is."""
        if not self.exists and chance.random() < 0.5:
            return None
        luck = chance.choice((0.0, 0.2, 0.5, 0.8, 1.0))
        found = bytearray(self.synced)
        sizes = [len(self.synced), *(size for _, size, _ in self.since)]
        versions: dict[int, list[bytes]] = {}
        for first, _, data in self.since:
            for place in range(0, len(data), SECTOR):
                versions.setdefault(first + place // SECTOR, []).append(data[place : place + SECTOR])
        for sector, seen in versions.items():
            if chance.random() < luck:
                data, start = chance.choice(seen), sector * SECTOR
                found.extend(bytes(max(0, start - len(found))))
                found[start : start + len(data)] = data
        size = len(found) if chance.random() < 0.5 else chance.choice(sizes)
        del found[size:]
        found.extend(bytes(size - len(found)))
        return bytes(found)

    def _remember(self, first: int, end: int) -> None:
        last = -(-end // SECTOR) * SECTOR
        self.since.append((first, len(self.seen), bytes(self.seen[first * SECTOR : last])))


class Disk:
    """All files of one machine; `calls` is how many writing calls are left before the power goes."""

    def __init__(self, files: dict[str, bytes], calls: int, chance: random.Random) -> None:
        self.files = {name: File(bytearray(data), data, True) for name, data in files.items()}
        self.calls, self._chance = calls, chance
        self.cut = False

    def step(self) -> bool:
        """Counts one call that changes something; raises PowerCut when the power went, before it or just after it."""
        if self.cut:
            raise PowerCut
        self.calls -= 1
        if self.calls <= 0:
            self.cut = True
            if self._chance.random() < 0.5:
                raise PowerCut
        return self.cut

    def done(self, last: bool) -> None:
        """The call has been carried out; if it was the last one the program does not hear of it."""
        if last:
            raise PowerCut

    def after_cut(self) -> dict[str, bytes]:
        """What the next start finds; how many sectors were undecided is lost with the power."""
        found = {name: file.after_cut(self._chance) for name, file in self.files.items()}
        return {name: data for name, data in found.items() if data is not None}

    @property
    def undecided(self) -> int:
        """Writes that no sync has followed."""
        return sum(len(file.since) for file in self.files.values())


class OpenFile:
    """One open file, as apsw wants it; without shared memory, so the database must be locked exclusively."""

    def __init__(self, disk: Disk, file: File) -> None:
        self._disk, self._file = disk, file

    def xRead(self, amount: int, offset: int) -> bytes:  # noqa: N802
        if self._disk.cut:
            raise PowerCut
        return bytes(self._file.seen[offset : offset + amount])

    def xWrite(self, data: bytes, offset: int) -> None:  # noqa: N802
        last = self._disk.step()
        self._file.write(bytes(data), offset)
        self._disk.done(last)

    def xTruncate(self, size: int) -> None:  # noqa: N802
        last = self._disk.step()
        self._file.truncate(size)
        self._disk.done(last)

    def xSync(self, flags: int) -> None:  # noqa: N802
        last = self._disk.step()
        self._file.sync()
        self._disk.done(last)

    def xFileSize(self) -> int:  # noqa: N802
        return len(self._file.seen)

    def xSectorSize(self) -> int:  # noqa: N802
        return 4096  # as on a Unix system

    def xDeviceCharacteristics(self) -> int:  # noqa: N802
        return apsw.SQLITE_IOCAP_POWERSAFE_OVERWRITE  # as on a Unix system: bytes beside a write are safe

    def xFileControl(self, op: int, pointer: int) -> bool:  # noqa: N802
        return False

    def xCheckReservedLock(self) -> bool:  # noqa: N802
        return False

    def xLock(self, level: int) -> None:  # noqa: N802
        pass

    def xUnlock(self, level: int) -> None:  # noqa: N802
        pass

    def xClose(self) -> None:  # noqa: N802
        pass


class CutVfs(apsw.VFS):
    """Opens files of `disk`, which is changed for every life."""

    def __init__(self, name: str) -> None:
        self.disk = Disk({}, 1, random.Random(0))
        super().__init__(name, "")

    def xOpen(self, name: Any, flags: list[int]) -> Any:  # noqa: N802
        path = name.filename() if isinstance(name, apsw.URIFilename) else name
        flags[1] = flags[0]
        if path is None:
            return OpenFile(self.disk, File())
        return OpenFile(self.disk, self.disk.files.setdefault(path, File()))

    def xDelete(self, name: str, sync_folder: bool) -> None:  # noqa: N802
        last = self.disk.step()
        file = self.disk.files.pop(name, None)
        if file is not None and not sync_folder:
            file.truncate(0)
            self.disk.files[name] = file
        self.disk.done(last)

    def xAccess(self, name: str, flags: int) -> bool:  # noqa: N802
        return name in self.disk.files

    def xFullPathname(self, name: str) -> str:  # noqa: N802
        return name
