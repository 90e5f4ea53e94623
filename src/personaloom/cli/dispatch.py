"""``entry``: from a command line to an exit code. Every error leaves here as one message, never as a traceback."""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
import traceback
from collections.abc import Sequence
from datetime import UTC, datetime
from importlib import import_module
from importlib.metadata import version
from pathlib import Path

from personaloom.cli.argv import Invocation, parse
from personaloom.cli.outputs import guarded_outputs
from personaloom.cli.signals import terminated_like_ctrl_c
from personaloom.config.secrets import redact
from personaloom.errors import PersonaLoomError, UsageError

__all__ = ["entry", "keep_traceback"]

INTERRUPTED = 130


def entry(argv: Sequence[str] | None = None) -> int:
    """Run a command line.

    Args:
        argv: without the program's name; None takes this process's.

    Returns:
        The exit code: 0 done, 1 failed, 2 bad usage or config, 3 stopped by the budget, 4 too many failed
        conversations, 130 interrupted.
    """
    _speak_into_something()
    with guarded_outputs() as out:
        code = _coded(sys.argv[1:] if argv is None else argv)
        if out.lost is None:
            return code
        rest = "" if code else "; what was to be made is there"
        why = out.lost.strerror or str(out.lost)
        return _say(f"standard output cannot be written: {why}. What was to be printed is lost{rest}", code or 1)


def _coded(argv: Sequence[str]) -> int:
    call = Invocation()
    try:
        Path.cwd()
    except OSError as error:
        return _say(f"the folder that this was started in is gone ({error.strerror}) → cd to one that is there", 1)
    try:
        with terminated_like_ctrl_c():
            call = parse(argv)
            code = _act(call)
        sys.stdout.flush()  # now, and not when the process ends: a full device and a closed pipe have their answer
        return code
    except PersonaLoomError as error:
        return _say(redact(str(error)), error.exit_code)
    except KeyboardInterrupt:
        return _say("interrupted: run the same command to go on", INTERRUPTED)
    except MemoryError:
        return _say("there is not enough memory: lower num_personas or engine.concurrency; what is done is kept", 1)
    except BrokenPipeError:
        # Whoever read our output has gone; nothing can be told to anyone.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except Exception as error:  # noqa: BLE001 - the last boundary: reported, kept in a file, exit code 1
        where = keep_traceback(error, _output_dir(call))
        return _say(f"unforeseen {type(error).__name__}: {redact(str(error))}\n  the traceback is in {where}", 1)


def _speak_into_something() -> None:
    """Give a process that was started with a closed output (``2>&-``) a stream: nobody reads it, nothing breaks."""
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:
            setattr(sys, name, Path(os.devnull).open("w", encoding="utf-8"))  # noqa: SIM115 - open as long as we are


def _act(call: Invocation) -> int:
    if call.action == "help":
        from personaloom.cli.help import help_page  # noqa: PLC0415 - only the help needs it

        sys.stdout.write(help_page(call.config_dirs, shutil.get_terminal_size().columns))
        return 0
    if call.action == "version":
        sys.stdout.write(f"personaloom {version('personaloom')}\n")
        return 0
    if call.verbs:
        return _verb(call)
    # Hydra, OmegaConf and pydantic are imported from here on: --help stays quick without them.
    commands = import_module("personaloom.cli.commands")
    if call.action == "cfg":
        return int(commands.show_config(call))
    return int(commands.run(call))


def _verb(call: Invocation) -> int:
    """Run what ``preview=``, ``compare=`` and the like ask for: each is a module with ``run(value, call)``."""
    if len(call.verbs) > 1:
        raise UsageError(f"{' and '.join(call.verbs)} cannot be had at once: give one of them")
    name, value = next(iter(call.verbs.items()))
    return int(import_module(f"personaloom.cli.verbs.{name}").run(value, call))


def _say(message: str, code: int) -> int:
    sys.stderr.write(f"error: {message}\n")
    return code


def _output_dir(call: Invocation) -> Path:
    """Where the command was to write, as far as that can still be found out."""
    words = [word for word in call.overrides if word.lstrip("+").partition("=")[0] in {"output_dir", "experiment"}]
    try:
        composed = import_module("personaloom.config.composition").compose(
            words, config=call.config, config_dirs=call.config_dirs
        )
        return Path(str(composed["output_dir"]))
    except Exception:  # noqa: BLE001 - what crashed may be just this, and the crash is what is to be told
        return Path("outputs")


def keep_traceback(error: BaseException, output_dir: Path) -> Path:
    """Write the traceback, without anything that looks like a key, to ``errors`` there, or to a temporary folder."""
    text = redact("".join(traceback.format_exception(error)))
    name = f"{datetime.now(UTC):%Y%m%d-%H%M%S}-{os.getpid()}.txt"
    for folder in (output_dir / "errors", Path(tempfile.gettempdir())):
        try:
            folder.mkdir(parents=True, exist_ok=True)
            (folder / name).write_text(text, "utf-8")
        except (OSError, ValueError):
            continue  # the next one; a full disk must not hide the error itself
        return folder / name
    return Path("(nowhere: no folder can be written)")
