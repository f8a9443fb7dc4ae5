#!/usr/bin/env python3
"""Uploads a file with a progress bar: upload.py FILE URL"""

import sys

from tqdm import tqdm

import bitsup


def main() -> int:
    if len(sys.argv) != 3:
        print(__doc__, file=sys.stderr)
        return 2
    path, url = sys.argv[1:]
    with tqdm(unit="B", unit_scale=True) as bar:

        def progress(sent: int, total: int) -> None:
            bar.total = total
            # The number can decrease if the server lost bytes.
            bar.update(sent - bar.n)

        try:
            result = bitsup.upload(path, url, progress=progress)
        except bitsup.BitsError as error:
            bar.write(f"upload: {error}", file=sys.stderr)
            return 3 if error.transient else 1
    print(f"uploaded {result.size} bytes to {result.url}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
