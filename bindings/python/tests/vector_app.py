"""The application and the engine options of a vector."""

from __future__ import annotations

from typing import Any, Callable, Dict, List, Optional

import bitsup
from vector_cases import content


class App:
    """The application of a case: decides as the case says, and records the calls."""

    def __init__(self) -> None:
        self.decisions: Dict[str, List[str]] = {}
        self.expected: Optional[bytes] = None
        self.calls = 0
        self.progress: List[str] = []
        self.ended: List[str] = []
        self.failures: List[BaseException] = []

    def hooks(self) -> Dict[str, Any]:
        return {
            "on_request": lambda upload, verdict: self.decide("request", upload, verdict),
            "on_create": lambda upload, verdict: self.decide("create", upload, verdict),
            "on_received": self.received,
            "on_progress": lambda upload: self.progress.append(str(upload.received)),
            "on_end": lambda _upload, reason: self.ended.append(reason.name.lower()),
        }

    def perform(self, words: List[str], place: str) -> None:
        if words[0] in ("request", "create", "received"):
            self.decisions[words[0]] = words[1:]
        elif words[0] == "sees":
            self.expected = content(words[1])
        else:
            seen = {"calls": [str(self.calls)], "progress": self.progress, "ended": self.ended}[words[0]]
            assert seen == words[1:], f"{place}: {words[0]}"

    def received(self, upload: bitsup.Upload, verdict: bitsup.Verdict) -> None:
        self.calls += 1
        try:
            assert upload.total == upload.received and upload.url.startswith("http")
            seen = upload.read(0, upload.received + 1)
            assert self.expected is None or seen == self.expected
            assert upload.data_path is None or upload.data_path.read_bytes() == seen
        except BaseException as failure:
            self.failures.append(failure)
        self.decide("received", upload, verdict)

    def decide(self, what: str, upload: bitsup.Upload, verdict: bitsup.Verdict) -> None:
        try:
            self.apply(list(self.decisions.get(what, [])), upload, verdict)
        except BaseException as failure:
            self.failures.append(failure)
            raise

    def apply(self, words: List[str], upload: bitsup.Upload, verdict: bitsup.Verdict) -> None:
        simple: Dict[str, Callable[[str], object]] = {
            "owner": verdict.set_owner,
            "to": verdict.set_destination,
            "keep": lambda value: verdict.keep_file(value == "yes"),
            "url": verdict.reply_url,
            "url-of-length": lambda value: verdict.reply_url("http://static/".ljust(int(value), "x")),
            "reply": lambda value: verdict.reply(content(value)),
            "reply-file": lambda value: reply_by_file(upload, verdict, content(value)),
            "challenge": lambda value: challenge(upload, verdict, value),
        }
        while words:
            word = words.pop(0)
            if word == "reject":
                status = int(words.pop(0))
                hresult = int(words.pop(0), 16) if words and words[0].startswith("0x") else 0x80190000 + status
                server = bool(words) and words[0] == "server" and bool(words.pop(0))
                context = bitsup.Context.SERVER if server else bitsup.Context.APPLICATION
                verdict.reject(status, hresult=hresult, context=context)
            elif word != "accept":
                simple[word](words.pop(0))


def challenge(upload: bitsup.Upload, verdict: bitsup.Verdict, realm: str) -> None:
    authorization = upload.header("Authorization")
    if authorization is None:
        verdict.challenge(f'Basic realm="{realm}"')
    else:
        verdict.set_owner(authorization)


def reply_by_file(upload: bitsup.Upload, verdict: bitsup.Verdict, data: bytes) -> None:
    assert upload.reply_path is not None and not upload.reply_path.exists()
    upload.reply_path.write_bytes(data)
    verdict.reply_file(upload.reply_path)


#: The engine options by their names in the vectors.
SETTINGS: Dict[str, Callable[[str], Dict[str, Any]]] = {
    "allow-overwrites": lambda _: {"allow_overwrite": True},
    "max-upload-size": lambda value: {"max_upload_size": int(value)},
    "max-fragment-size": lambda value: {"max_fragment_size": int(value)},
    "max-sessions": lambda value: {"max_sessions": int(value)},
    "max-sessions-per-user": lambda value: {"max_sessions_per_owner": int(value)},
    "session-timeout": lambda value: {"session_timeout": float(value)},
    "overlap": lambda value: {"overlap": value},
    "finalize": lambda value: {"finalize": value},
    "method-override": lambda _: {"method_override": True},
    "public-url": lambda value: {"public_url": value},
    "host-id": lambda value: {
        "host_id": value.split()[0],
        "host_id_fallback_timeout": int((value.split() + ["0"])[1]),
    },
}
