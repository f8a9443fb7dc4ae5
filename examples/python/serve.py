#!/usr/bin/env python3
"""Receives uploads into a directory and prints them, until the end of stdin: serve.py DIRECTORY [HOST:PORT]"""

import sys

import bitsup


def on_create(upload: bitsup.Upload, verdict: bitsup.Verdict) -> None:
    """Rejects programs."""
    if upload.target.endswith(".exe"):
        verdict.reject(403)


def on_received(upload: bitsup.Upload, _verdict: bitsup.Verdict) -> None:
    print(f"{upload.peer} sent {upload.target}, {upload.received} bytes", flush=True)


def main() -> int:
    if len(sys.argv) not in (2, 3):
        print(__doc__, file=sys.stderr)
        return 2
    listen = sys.argv[2] if len(sys.argv) == 3 else "127.0.0.1:0"
    with bitsup.Server(sys.argv[1], listen, on_create=on_create, on_received=on_received) as server:
        print(f"listening on {server.url}", flush=True)
        sys.stdin.read()
    return 0


if __name__ == "__main__":
    sys.exit(main())
