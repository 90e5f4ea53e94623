"""The process that holds MLflow: reads requests from standard input, answers on standard output, ends with its parent.

Started by ``TrackingWorker`` as ``python -m personaloom.tracking.child``. Standard output carries the protocol and
nothing else: whatever a library prints goes to standard error.
"""

from __future__ import annotations

import os
import queue
import re
import signal
import sys
import threading
import traceback
from typing import TYPE_CHECKING, Any, TextIO

from personaloom.llm.scrub import scrub, secret_values, without_userinfo
from personaloom.tracking.protocol import decode, encode

if TYPE_CHECKING:
    from personaloom.tracking.child_desk import Desk

# After the parent is gone: time to finish an upload that is under way, never more.
_GRACE_S = 30.0
# The heart of what requests and urllib3 say at length: (Caused by NewConnectionError("…: Connection refused"))
_UNREACHED = re.compile(r"Caused by \w+\([\"'](?:HTTPS?Connection(?:Pool)?\(.*?\): )?(.*)[\"']\)\)?")


def main() -> int:
    """Serve until standard input closes."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    replies = _claim_stdout()
    requests: queue.SimpleQueue[str | None] = queue.SimpleQueue()
    threading.Thread(target=_read, args=(requests,), daemon=True, name="requests").start()
    server = _Server()
    while (line := requests.get()) is not None:
        replies.write(encode(server.answer(line)))
        replies.flush()
        server.warm_up()
    server.close()
    return 0


def _claim_stdout() -> TextIO:
    """Keep the pipe for the protocol and point file descriptor 1 at standard error, for C code too."""
    replies = os.fdopen(os.dup(1), "w", encoding="ascii")
    os.dup2(2, 1)
    sys.stdout = sys.stderr
    return replies


def _read(requests: queue.SimpleQueue[str | None]) -> None:
    for line in sys.stdin:
        requests.put(line)
    requests.put(None)
    timer = threading.Timer(_GRACE_S, os._exit, args=(1,))
    timer.daemon = True
    timer.start()


class _Server:
    """Turns lines into replies; nothing that goes wrong in one request ends the process."""

    def __init__(self) -> None:
        self._desk: Desk | None = None

    def answer(self, line: str) -> dict[str, Any]:
        number, place = -1, "MLflow"
        try:
            request = decode(line)
            number, place = int(request["id"]), without_userinfo(request["store"]["uri"])
            result = self._at_desk().do(str(request["verb"]), request["store"], request.get("args") or {})
        except Exception as error:  # noqa: BLE001 - the boundary: the parent gets every error as a reply
            secrets = secret_values(all_like_keys=True)
            sys.stderr.write(scrub(traceback.format_exc(), secrets))
            return {"id": number, "ok": False, "error": scrub(f"{place} {_reason(error)}", secrets)}
        return {"id": number, "ok": True, "result": result}

    def warm_up(self) -> None:
        if self._desk is not None:
            self._desk.warm_up()

    def close(self) -> None:
        if self._desk is not None:
            self._desk.close()

    def _at_desk(self) -> Desk:
        if self._desk is None:
            # The one slow import; inside a request, so that a broken installation is a reply and not a silent death.
            from personaloom.tracking.child_desk import Desk  # noqa: PLC0415 - imports mlflow

            self._desk = Desk()
        return self._desk


def _reason(error: BaseException) -> str:
    """One line: the first that says something, with the kind of error where the text alone says too little."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    said = lines[0][:600] if lines else "no message"
    if found := _UNREACHED.search(said):
        return f"cannot be reached: {found[1]}"
    cause = error.__cause__ or error.__context__
    inner = str(cause).strip().splitlines()[:1] if cause is not None and len(lines) == 1 else []
    more = f" ({inner[0].strip()[:300]})" if inner and inner[0].strip() and inner[0].strip() not in said else ""
    return (
        f"refused: {said}{more}"
        if type(error).__name__ == "RestException"
        else f"failed: {type(error).__name__}: {said}{more}"
    )


if __name__ == "__main__":
    status = main()
    sys.stderr.flush()
    # Everything is committed; taking mlflow's modules down in order would cost the parent another second.
    os._exit(status)
