#!/usr/bin/env python3
"""Uploads a file to a server in this program, which replies with its checksum: reply.py FILE"""

import hashlib
import sys
import tempfile
from pathlib import Path

import bitsup


def on_received(upload: bitsup.Upload, verdict: bitsup.Verdict) -> None:
    """Replies with the checksum of the file and discards the file."""
    assert upload.data_path is not None, "a store in a directory always provides the path"
    digest = hashlib.sha256(upload.data_path.read_bytes()).hexdigest()
    verdict.reply(digest.encode())
    verdict.keep_file(False)


def main() -> int:
    if len(sys.argv) != 2:
        print(__doc__, file=sys.stderr)
        return 2
    with tempfile.TemporaryDirectory() as root, bitsup.Server(root, on_received=on_received) as server:
        reply = Path(root, "reply.txt")
        bitsup.upload(sys.argv[1], f"{server.url}upload", reply=reply)
        print(reply.read_text())
    return 0


if __name__ == "__main__":
    sys.exit(main())
