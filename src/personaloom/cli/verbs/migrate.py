"""``migrate=config.yaml``: the reference system's config as Hydra files; ``migrate=output``: its data as a dataset."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Sequence
from pathlib import Path

from personaloom.cli.argv import Invocation
from personaloom.config.primary import read_yaml
from personaloom.config.reference import Translation, is_reference, translate, write_conf
from personaloom.config.secrets import redact
from personaloom.errors import ConfigNotFoundError, UsageError
from personaloom.paths import command
from personaloom.plural import many

__all__ = ["run"]

_CONFIGS = frozenset({".yaml", ".yml"})


def run(value: str, call: Invocation) -> int:
    """Migrate a config file, or read in an output folder or file.

    Args:
        value: ``config.yaml`` of the reference system, its output folder, or a file of samples.
        call: overrides ``name=`` and ``output_dir=`` say where a dataset goes; ``tracking=none``, which other verbs
            take, is what happens here anyhow. Those beside a config go into the command that runs the result.

    Raises:
        UsageError: it is nothing of the reference system's, or the target is there already.
        ConfigError: the config holds a key or something without meaning; all faults at once.
    """
    path = Path(value or "config.yaml").expanduser()
    if not path.exists():
        raise ConfigNotFoundError(f"migrate={value}: no such file or folder (looked in {Path.cwd()})")
    if path.is_dir() or path.suffix.lower() not in _CONFIGS:
        return _read_in(path, call.overrides)
    return _migrate(path, call.overrides)


def _migrate(path: Path, overrides: Sequence[str]) -> int:
    content = read_yaml(path)
    if not is_reference(content):
        raise UsageError(
            f"migrate={path}: it has no persona_generation, so it is no config of the reference system → "
            f"run it as it is: {command('--config', path)}"
        )
    translation = translate(path, content)
    files = write_conf(translation)
    sys.stdout.write("\n".join(_report(translation, files, overrides)) + "\n")
    return 0


def _report(translation: Translation, files: Sequence[Path], overrides: Sequence[str]) -> list[str]:
    lines = [f"{translation.path} migrated:", *(f"  {file}" for file in files)]
    if translation.remarks:
        lines += ["", "to know:", *(f"  {remark}" for remark in translation.remarks)]
    if translation.gaps:
        lines += ["", "settings without a counterpart, left out:"]
        lines += [f"  {gap.key} = {redact(str(gap.value))}: {gap.reason}" for gap in translation.gaps]
    how = "to run it with your overrides, which are not in the files" if overrides else "to run it"
    return [*lines, "", f"{how}: {command('--config', files[0], *map(shlex.quote, overrides))}"]


def _read_in(path: Path, overrides: Sequence[str]) -> int:
    from personaloom.cli.verbs.dataset import COUNTED  # noqa: PLC0415 - as below
    from personaloom.config.reference.dataset import read_in  # noqa: PLC0415 - the report's machinery is for data only

    given = dict(override.lstrip("+").partition("=")[::2] for override in overrides)
    if given.get("tracking") == "none":  # nothing is tracked where data is read in
        del given["tracking"]
    unknown = sorted(set(given) - {"name", "output_dir"})
    if unknown:
        raise UsageError(
            f"migrate={path}: {', '.join(unknown)} means nothing here → name=NAME and output_dir=FOLDER do"
        )
    folder, manifest = read_in(
        path, name=given.get("name", "reference"), output_dir=Path(given.get("output_dir", "outputs"))
    )
    counts = manifest["counts"]
    lines = [
        f"{path} read in: {folder}",
        f"  {', '.join(many(counts[key], one) for key, one in COUNTED.items())}",
        *(f"  {note}" for note in manifest["notes"]),
        f"  to read it: {folder / 'report.html'}",
        f"  to compare it: {command(f'compare={folder},OTHER')}",
        f"  other formats of it: {command('stages=export', f'dataset_dir={folder}', 'training_data=all_formats')}",
        f"  to go on from it: {command(f'start_from={folder}', 'num_personas=…')}",
    ]
    sys.stdout.write("\n".join(lines) + "\n")
    return 0
