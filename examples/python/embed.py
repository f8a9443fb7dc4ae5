#!/usr/bin/env python3
"""Receives uploads into a directory with the HTTP server waitress: embed.py ROOT [PORT]

The first line on stdout is "listening on URL". Stops on SIGINT and SIGTERM.
"""

import signal
import socket
import sys
from typing import Any

from waitress.server import create_server

import bitsup
import bitsup.wsgi


def page(_environ: Any, start_response: Any) -> "list[bytes]":
    """A page that the server serves in addition to uploads."""
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [b"This server receives uploads with BITS.\n"]


def main() -> int:
    if len(sys.argv) not in (2, 3):
        print(__doc__, file=sys.stderr)
        return 2
    port = int(sys.argv[2]) if len(sys.argv) == 3 else 0
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    with bitsup.Engine(sys.argv[1]) as engine, socket.create_server(("127.0.0.1", port)) as listener:
        server = create_server(bitsup.wsgi.app(engine, page), sockets=[listener])
        print("listening on http://{}:{}/".format(*listener.getsockname()), flush=True)
        server.run()
    return 0


if __name__ == "__main__":
    sys.exit(main())
