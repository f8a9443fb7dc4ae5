"""Runs a vector: starts an engine in a server, sends the requests of the case, and checks the responses and the store.
"""

from __future__ import annotations

import re
import socket
import time
from pathlib import Path
from typing import Any, Callable, Dict, List, Optional, Protocol, Tuple

from support import LONG
from vector_app import SETTINGS, App
from vector_cases import Case, Step, content

PROTOCOL = "{7df0354d-249b-430f-820d-3d2a9bef4931}"


class Files(Protocol):
    """Access to the content of a store, independent of the engine."""

    root: Any

    def put(self, path: str, data: bytes) -> None: ...
    def make_folder(self, path: str) -> None: ...
    def file(self, path: str) -> Optional[bytes]: ...
    def length(self, path: str) -> Optional[int]: ...
    def files(self) -> List[str]: ...
    def sessions(self) -> int: ...
    def data(self, session: str) -> Optional[bytes]: ...


class Directory:
    """The content of a store in a directory."""

    def __init__(self, root: Path) -> None:
        self.root: Any = root

    def put(self, path: str, data: bytes) -> None:
        (self.root / path).write_bytes(data)

    def make_folder(self, path: str) -> None:
        (self.root / path).mkdir()

    def file(self, path: str) -> Optional[bytes]:
        return (self.root / path).read_bytes() if (self.root / path).is_file() else None

    def length(self, path: str) -> Optional[int]:
        return (self.root / path).stat().st_size if (self.root / path).is_file() else None

    def files(self) -> List[str]:
        every = (path.relative_to(self.root) for path in self.root.rglob("*") if path.is_file())
        return sorted(str(path) for path in every if path.parts[0] != ".bitsup")

    def sessions(self) -> int:
        return sum(1 for path in (self.root / ".bitsup").iterdir() if path.is_dir())

    def data(self, session: str) -> Optional[bytes]:
        path = self.data_path(session)
        return path.read_bytes() if path.is_file() else None

    def data_path(self, session: str) -> Path:
        return Path(self.root / ".bitsup" / session / "data")


class Response:
    def __init__(self, status: int, headers: List[Tuple[str, str]], body: bytes) -> None:
        self.status = status
        self.headers = headers
        self.body = body

    def get(self, name: str) -> Optional[str]:
        return next((value for key, value in self.headers if key.lower() == name.lower()), None)

    @property
    def closes(self) -> bool:
        return (self.get("Connection") or "").lower() == "close"

    def __repr__(self) -> str:
        return f"{self.status} {self.headers} {len(self.body)} bytes"


class Connection:
    """A client connection that sends requests and reads responses."""

    def __init__(self, port: int, timeout: float) -> None:
        self._socket = socket.create_connection(("127.0.0.1", port), timeout)
        self._file = self._socket.makefile("rb")

    def close(self) -> None:
        self._file.close()
        self._socket.close()

    def send(self, data: bytes) -> None:
        try:
            self._socket.sendall(data)
        except OSError:
            pass  # The server may respond and close before it has read everything; only its response matters.

    def read_response(self, method: str) -> Response:
        while True:
            line = self._file.readline().decode("latin-1")
            assert line.startswith("HTTP/1.1 "), f"GEN-01: {line!r}"
            headers = []
            for field in iter(lambda: self._file.readline().decode("latin-1").rstrip("\r\n"), ""):
                name, _, value = field.partition(":")
                headers.append((name, value.strip()))
            response = Response(int(line[9:12]), headers, b"")
            if response.status == 100:
                continue
            if method != "HEAD" and response.status != 304:
                response.body = self._file.read(int(response.get("Content-Length") or 0))
            return response

    def is_at_end(self) -> bool:
        try:
            return self._file.read(1) == b""
        except OSError:
            return True


class VectorRunner:
    """Runs one case. `start` starts an engine in a server, and returns its port and a function that stops it."""

    def __init__(
        self,
        case: Case,
        files: Files,
        start: Callable[[Any, Dict[str, Any]], Tuple[int, Callable[[], None]]],
        timeout: float = LONG,
    ) -> None:
        self.case = case
        self.files = files
        #: Seconds to wait for a response.
        self.timeout = timeout
        self.app = App()
        self.options: Dict[str, Any] = self.app.hooks() if case.says("app") else {}
        for name, value in case.settings.items():
            self.options.update(SETTINGS[name](value))
        self._start = start
        self.port, self.stop = start(files.root, self.options)
        self.connection: Optional[Connection] = None
        self.hanging: List[Tuple[Connection, bytes]] = []
        self.sessions: Dict[str, str] = {}
        self.path = ""
        self.reply: Optional[str] = None

    def end(self) -> None:
        for connection in (self.connection, *(hanging for hanging, _ in self.hanging)):
            if connection is not None:
                connection.close()
        self.connection = None
        self.hanging.clear()
        self.stop()

    def run(self) -> None:
        try:
            for step in self.case.steps:
                self.perform(step)
        finally:
            self.end()
        assert not self.app.failures, self.app.failures

    def perform(self, step: Step) -> None:
        word, rest = step.words[0], step.words[1:]
        if word == "given":
            self.files.put(rest[1], content(rest[2])) if rest[0] == "file" else self.files.make_folder(rest[1])
        elif word == "store":
            self.check_store(rest, step.place)
        elif word == "restart":
            self.end()
            self.port, self.stop = self._start(self.files.root, self.options)
        elif word == "app":
            self.app.perform(rest, step.place)
        elif word in ("lose", "extend"):
            assert isinstance(self.files, Directory)
            path = self.files.data_path(self.sessions["it"])
            path.unlink() if word == "lose" else truncate(path, int(rest[1]))
        elif word == "hung":
            connection, data = self.hanging.pop(0)
            connection.send(data)
            self.check(step, connection.read_response("BITS_POST"))
            connection.close()
        else:
            self.request(step)

    def request(self, step: Step) -> None:
        method, head, body = self.message(step)
        part = step.changes.get("cut") or step.changes.get("hang")
        if part is not None:
            self.hang(step, head, body, int(part))
            return
        seen = set()
        for _ in range(int(step.changes.get("times", "1"))):
            response = self.exchange(head + body, method)
            self.check(step, response)
            url = re.match(r"https?://vector(/.*)", response.get("BITS-Reply-URL") or "")
            self.reply = url[1] if url else self.reply
            for name in (one[9:] for one in step.expect if one.startswith("distinct ")):
                assert response.get(name) not in seen, f"{step.place}: {name} is not distinct"
                seen.add(response.get(name))
            if step.words[0] == "create" and response.get("BITS-Session-Id"):
                self.sessions[(step.words + ["it"])[3 if "as" in step.words else -1]] = str(response.get("BITS-Session-Id"))

    def exchange(self, data: bytes, method: str) -> Response:
        self.connection = connection = self.connection or Connection(self.port, self.timeout)
        connection.send(data)
        response = connection.read_response(method)
        if response.closes:
            assert connection.is_at_end(), "the server keeps the connection open"
            connection.close()
            self.connection = None
        return response

    def hang(self, step: Step, head: bytes, body: bytes, part: int) -> None:
        def stored() -> int:
            return len(self.files.data(self.sessions["it"]) or b"")

        before, deadline = stored(), time.monotonic() + self.timeout
        connection = Connection(self.port, self.timeout)
        self.hanging.append((connection, body[part:]))
        connection.send(head + body[:part])
        while stored() < before + part:
            assert time.monotonic() < deadline, f"{step.place}: the first part of the body did not arrive"
            time.sleep(0.001)
        if "cut" in step.changes:
            self.hanging.pop()
            connection.close()

    def message(self, step: Step) -> Tuple[str, bytes, bytes]:
        """Returns method, head and body of the default request of this kind with the changes of the case."""
        kind, method, body = step.words[0], "BITS_POST", b""
        session = self.sessions.get(step.words[-1] if "of" in step.words else "it", "")
        headers = [("Accept", "*/*")]
        if kind == "create":
            self.path = f"/{step.words[1]}"
            headers += [("BITS-Packet-Type", "Create-Session"), ("BITS-Supported-Protocols", PROTOCOL)]
        elif kind in ("ping", "close", "cancel", "fragment"):
            headers.append(("BITS-Packet-Type", kind.title() + ("-Session" if kind in ("close", "cancel") else "")))
        else:
            method = step.words[1] if kind == "request" else kind.upper()
        span = step.changes.get("body")
        if kind == "fragment":
            headers.append(("Content-Range", f"bytes {step.words[1]}"))
            span = span or step.words[1].split("/")[0]
        body = content(span or "none")
        if kind in ("fragment", "close", "cancel"):
            headers.append(("BITS-Session-Id", session))
        headers.append(("Content-Length", str(len(body))))
        replaced = {name.lower() for name, _ in step.set}
        headers = [pair for pair in headers if pair[0].lower() not in replaced]
        headers += [(name, value.replace("$session", session)) for name, value in step.set]
        removed = {name.lower() for name in step.remove}
        fields = "".join(f"{name}: {value}\r\n" for name, value in headers if name.lower() not in removed)
        method = step.changes.get("method", method)
        line = f"{method} {self.target(step, session)} {step.changes.get('version', 'HTTP/1.1')}"
        return method, f"{line}\r\nHost: vector\r\n{fields}\r\n".encode(), body

    def target(self, step: Step, session: str) -> str:
        if "to" in step.changes:
            return step.changes["to"].replace("$bare", session.strip("{}"))
        if step.words[0] in ("get", "head"):
            assert self.reply is not None, f"{step.place}: no reply URL before"
            return self.reply
        return self.path or "/unnamed"

    def check(self, step: Step, response: Response) -> None:
        place = f"{step.place}: {response}"
        for expect in step.expect:
            self.check_one(expect, response, place)
        reads = step.words[0] in ("get", "head")
        if not reads:
            assert response.get("Content-Length") == "0", f"GEN-03: {place}"
        if reads or "plain" in step.expect:
            assert response.get("BITS-Packet-Type") is None, place
        else:
            check_ack(response, place)

    def check_one(self, expect: str, response: Response, place: str) -> None:
        name, colon, value = expect.partition(":")
        if expect.startswith("!"):
            assert response.get(expect[1:]) is None, f"{expect} in {place}"
        elif expect.startswith("body "):
            assert response.body == content(expect[5:]), place
        elif expect == "closed":
            assert response.closes, f"connection stays open: {place}"
        elif colon and value.strip() == "*":
            assert response.get(name) is not None, f"no {name} in {place}"
        elif colon:
            value = value.strip().replace("$bare", self.sessions.get("it", "").strip("{}")).replace("$scheme", "http")
            assert response.get(name) == value, f"{expect} in {place}"
        elif expect != "plain" and not expect.startswith("distinct "):
            assert str(response.status) in expect.split("|"), f"expected {expect}: {place}"

    def check_store(self, words: List[str], place: str) -> None:
        files, session = self.files, self.sessions.get("it", "")
        if words[0] == "file":
            assert files.file(words[1]) == content(words[2]), place
        elif words[0] == "file-of":
            assert files.length(words[1]) == int(words[2]), place
        elif words[0] == "files":
            assert files.files() == words[1:], place
        elif words[0] == "session":
            assert files.data(session) == content(words[1]), place
        elif words[0] == "sessions":
            assert files.sessions() == int(words[1]), place
        elif words[:2] == ["no", "file"]:
            assert files.file(words[2]) is None, place
        else:
            assert words == ["no", "session"] and files.data(session) is None, place


def check_ack(response: Response, place: str) -> None:
    """Checks what every Ack must have: GEN-02, 21, 22, 23, 25."""
    assert response.get("BITS-Packet-Type") == "Ack" and response.get("Pragma") == "no-cache", place
    error = response.get("BITS-Error")
    assert error == response.get("BITS-Error-Code") and error != "", place
    assert (response.get("BITS-Error-Context") in ("0x5", "0x7")) == (error is not None), place
    assert error is None or response.status != 200, place


def truncate(path: Path, length: int) -> None:
    with path.open("r+b") as file:
        file.truncate(length)
