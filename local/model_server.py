"""Serves a GGUF model with llama.cpp, as a process of its own that ends with its parent.

It is run by path and imports nothing of ours. A native library that fails takes only this process along. One JSON
line on standard input sets what to serve (``path``, ``api_key``, ``alias``); one line on standard output has its
address. It stops at the end of standard input, which also comes when the parent dies.
"""

from __future__ import annotations

import json
import os
import signal
import sys
from typing import Any

CONTEXT_TOKENS = 8192
CACHE_MIB = 256


def parameters(path: str, api_key: str, alias: str) -> Any:
    """Return how to serve: to this machine alone, with a key, one thread, and without a web page."""
    import xllamacpp  # noqa: PLC0415 an optional package

    wanted = xllamacpp.CommonParams()
    wanted.model.path = path
    wanted.model_alias = {alias}
    wanted.hostnames = ["127.0.0.1"]
    wanted.port = 0
    wanted.api_keys = [api_key]
    wanted.ui = wanted.endpoint_slots = wanted.endpoint_props = False
    wanted.n_ctx = CONTEXT_TOKENS
    wanted.n_parallel = wanted.cpuparams.n_threads = wanted.cpuparams_batch.n_threads = 1
    wanted.n_threads_http = 4
    wanted.cache_ram_mib = CACHE_MIB
    wanted.verbosity = 0
    return wanted


def main() -> None:
    """Serve until standard input ends."""
    import xllamacpp  # noqa: PLC0415 an optional package

    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the parent's to answer
    server = xllamacpp.Server(parameters(**json.loads(sys.stdin.readline())))
    print(server.listening_address, flush=True)
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # nobody reads on
    sys.stdin.read()
    os._exit(0)  # an answer that still runs is not waited for


if __name__ == "__main__":
    main()
