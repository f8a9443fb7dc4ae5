#!/usr/bin/env python3
"""Uploads a file. Ctrl-C stops it, and the same command resumes the upload: resume.py FILE URL STATE_FILE"""

import sys

import bitsup


def on_retry(cause: bitsup.BitsError, attempt: int, delay: float) -> None:
    print(f"failure {attempt}: {cause}; next attempt in {delay:.1f} s", file=sys.stderr)


def main() -> int:
    if len(sys.argv) != 4:
        print(__doc__, file=sys.stderr)
        return 2
    path, url, state_path = sys.argv[1:]
    with bitsup.Client(no_progress_timeout=24 * 3600) as client:
        with client.job(path, url, state_path=state_path, on_retry=on_retry) as job:
            try:
                job.run()
            except KeyboardInterrupt:
                sent, total = job.progress
                print(f"stopped at {sent} of {total} bytes", flush=True)
                return 130
            print(f"delivered {job.progress.total} bytes")
    return 0


if __name__ == "__main__":
    sys.exit(main())
