"""Hydra's files, each parsed once in a process: the jobs of a sweep compose the same twenty of them again and again."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from hydra._internal.core_plugins.file_config_source import FileConfigSource
from hydra._internal.sources_registry import SourcesRegistry
from hydra.plugins.config_source import ConfigResult
from omegaconf import OmegaConf

__all__ = ["remembered_files"]

_KEPT = 512
_parsed: dict[str, Any] = {}
"""What a file of this content holds. By content, because a file that is written twice in a moment keeps its time."""


class _RememberedFiles(FileConfigSource):
    """Hydra's folder of YAML files; what is in them comes from Hydra the first time, and from memory afterwards."""

    def load_config(self, config_path: str) -> ConfigResult:
        file = Path(self.path, self._normalize_file_name(config_path))
        text = _read(file)
        if text is not None and text in _parsed:
            header = self._get_header_dict(text[:512])
            config = OmegaConf.create(_parsed[text])
            return ConfigResult(
                config=config, path=f"{self.scheme()}://{self.path}", provider=self.provider, header=header
            )
        result = super().load_config(config_path)
        if text is not None and text == _read(file):  # else it was changed while it was read
            if len(_parsed) >= _KEPT:
                _parsed.clear()
            _parsed[text] = OmegaConf.to_container(result.config, resolve=False)
        return result


def _read(file: Path) -> str | None:
    try:
        return file.read_text("utf-8")
    except (OSError, UnicodeDecodeError):
        return None  # Hydra says what is wrong with it


@contextmanager
def remembered_files() -> Iterator[None]:
    """Hydra reads its folders so for the time of a block."""
    types = SourcesRegistry.instance().types
    scheme = FileConfigSource.scheme()
    before = types.get(scheme)
    types[scheme] = _RememberedFiles
    try:
        yield
    finally:
        if before is None:
            types.pop(scheme)
        else:
            types[scheme] = before
