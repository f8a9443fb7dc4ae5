"""A custom store that keeps everything in dictionaries."""

from __future__ import annotations

import threading
from typing import Any, Dict, Iterable, List, Optional, Set, Tuple

from bitsup import DestinationState, Part, Store, StoredSession


class DictStore(Store):
    """Outlives its engines, and gives tests access to its content."""

    def __init__(self) -> None:
        self.root: Any = self
        self._lock = threading.Lock()
        self._records: Dict[str, bytes] = {}
        self._parts: Dict[Tuple[str, Part], bytearray] = {}
        self._files: Dict[str, Tuple[str, bytes]] = {}
        self._folders: Set[str] = {""}
        self.flushes = 0

    def create(self, session_id: str, record: bytes) -> None:
        with self._lock:
            self._records[session_id] = record
            self._parts[session_id, Part.DATA] = bytearray()

    def save(self, session_id: str, record: bytes) -> None:
        with self._lock:
            if session_id not in self._records:
                raise KeyError(session_id)
            self._records[session_id] = record

    def list(self) -> Iterable[StoredSession]:
        with self._lock:
            return [StoredSession(session_id, record) for session_id, record in self._records.items()]

    def stat(self, session_id: str, part: Part) -> int:
        with self._lock:
            return len(self._parts[session_id, part])

    def write(self, session_id: str, part: Part, offset: int, data: bytes) -> None:
        with self._lock:
            if part is Part.REPLY and offset == 0:
                self._parts[session_id, part] = bytearray()
            content = self._parts[session_id, part]
            assert len(content) == offset
            content += data

    def flush(self, session_id: str, part: Part) -> None:
        with self._lock:
            self.flushes += 1

    def read(self, session_id: str, part: Part, offset: int, length: int) -> bytes:
        with self._lock:
            return bytes(self._parts[session_id, part][offset : offset + length])

    def commit(self, session_id: str, destination: str, overwrite: bool, record: bytes) -> None:
        with self._lock:
            if (session_id, Part.DATA) not in self._parts:
                return
            existing = self._files.get(destination)
            if existing is not None and existing[0] != session_id and not overwrite:
                raise FileExistsError(destination)
            if destination.rpartition("/")[0] not in self._folders:
                raise FileNotFoundError(destination)
            self._files[destination] = (session_id, bytes(self._parts.pop((session_id, Part.DATA))))
            self._records[session_id] = record

    def remove(self, session_id: str, part: Part) -> None:
        with self._lock:
            for one in (Part.DATA, Part.REPLY):
                if part in (Part.ALL, one):
                    self._parts.pop((session_id, one), None)
            if part is Part.ALL:
                self._records.pop(session_id, None)

    def destination_state(self, destination: str) -> DestinationState:
        with self._lock:
            if destination in self._folders:
                return DestinationState.FOLDER
            if destination in self._files:
                return DestinationState.FILE
            return DestinationState.FREE if destination.rpartition("/")[0] in self._folders else DestinationState.NO_FOLDER

    def put(self, path: str, data: bytes) -> None:
        self._files[path] = ("", data)

    def make_folder(self, path: str) -> None:
        self._folders.add(path)

    def file(self, path: str) -> Optional[bytes]:
        return self._files[path][1] if path in self._files else None

    def length(self, path: str) -> Optional[int]:
        return len(self._files[path][1]) if path in self._files else None

    def files(self) -> List[str]:
        return sorted(self._files)

    def sessions(self) -> int:
        return len(self._records)

    def data(self, session: str) -> Optional[bytes]:
        content = self._parts.get((session, Part.DATA))
        return None if content is None else bytes(content)
