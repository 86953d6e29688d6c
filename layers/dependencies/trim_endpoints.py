# ruff: noqa: INP001 - a program of the Makefile beside it
"""Keeps in botocore's list of endpoints only some services: python trim_endpoints.py ENDPOINTS_JSON SERVICE...

botocore reads the whole list, 1.2 MB, whenever a process makes its first client: 50 ms of a cold start for some 400
services, of which the functions call a few.
"""

import json
import sys
from pathlib import Path

if __name__ == "__main__":
    path, kept = Path(sys.argv[1]), set(sys.argv[2:])
    document = json.loads(path.read_text())
    for partition in document["partitions"]:
        partition["services"] = {name: what for name, what in partition["services"].items() if name in kept}
    path.write_text(json.dumps(document, separators=(",", ":")))
