"""The child process: llama.cpp's server on a loopback port, until its standard input closes.

Started as ``python -m personaloom.llm.local.serve '<settings as JSON>'``; prints one line, its base URL.
"""

from __future__ import annotations

import json
import os
import sys

__all__ = ["main"]


def main(arguments: list[str]) -> int:
    """Serve until the parent is gone; gives the exit code."""
    settings = json.loads(arguments[0])
    # Before the import: without it the threads spin while they wait, and a busy neighbour makes them nine times slower.
    os.environ["OMP_WAIT_POLICY"] = "PASSIVE"
    # What llama.cpp prints must not be taken for the address.
    real = os.dup(1)
    os.dup2(2, 1)
    import xllamacpp  # noqa: PLC0415 - only after the environment is set

    parameters = xllamacpp.CommonParams()
    parameters.model.path = settings["model_path"]
    parameters.hostnames = ["127.0.0.1"]
    parameters.port = 0
    parameters.n_parallel = settings["slots"]
    parameters.n_ctx = settings["context"] * settings["slots"]
    parameters.cpuparams.n_threads = parameters.cpuparams_batch.n_threads = settings["threads"]
    parameters.verbosity = 0
    server = xllamacpp.Server(parameters)
    os.write(real, f"{server.listening_address}/v1\n".encode())
    sys.stdin.buffer.read()  # returns when the parent closes its end or dies
    os._exit(0)  # at once: generations that nobody waits for need no ending


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
