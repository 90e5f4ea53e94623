"""What Hydra, OmegaConf and the YAML reader say, in the shape of our own errors: key, value, choices, remedy."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from hydra.errors import HydraException, MissingConfigException, OverrideParseException
from omegaconf.errors import OmegaConfBaseException
from yaml import YAMLError

from personaloom.config.nearest import choices
from personaloom.config.secrets import redact
from personaloom.errors import ConfigError, Fault

__all__ = ["grammar_fault", "hydra_errors_as_ours", "yaml_fault"]


def yaml_fault(error: YAMLError, source: str = "") -> Fault:
    """A YAML error with its file and line."""
    mark = getattr(error, "problem_mark", None) or getattr(error, "context_mark", None)
    problem = getattr(error, "problem", None) or str(error)
    name = source or (mark.name if mark is not None else "YAML")
    where = f"{name}:{mark.line + 1}" if mark is not None else name
    return Fault(where, f"is no valid YAML: {redact(problem)}", "mind indentation, quotes and colons there")


@contextmanager
def hydra_errors_as_ours(groups: Mapping[str, object]) -> Iterator[None]:
    """Turn whatever composing raises into a ``ConfigError`` with one clear message.

    Args:
        groups: names of the config groups, for remedies.
    """
    try:
        yield
    except YAMLError as error:
        raise ConfigError([yaml_fault(error)]) from None
    except OverrideParseException as error:
        raise ConfigError([grammar_fault(error.override, error.message)]) from None
    except MissingConfigException as error:
        raise ConfigError([_missing(error, groups)]) from None
    except RecursionError:
        fault = Fault("config", "leads back to itself without end", "look for ${…} or *… in what it refers to")
        raise ConfigError([fault]) from None
    except (HydraException, OmegaConfBaseException, UnicodeDecodeError, OSError) as error:
        raise ConfigError([_other(error)]) from None


def grammar_fault(override: str, message: str) -> Fault:
    """An override that is not in Hydra's grammar."""
    if override and not re.search(r"[=~]", override):
        return Fault(redact(override), "is neither a flag nor KEY=VALUE", "write key=value or group=option")
    reason = message.strip().splitlines()[0] if message.strip() else "cannot be parsed"
    remedy = "quote values with commas, spaces, brackets or quotes: 'key=\"a, b\"'"
    return Fault(redact(override), f"cannot be read: {redact(reason)}", remedy)


def _missing(error: Exception, groups: Mapping[str, object]) -> Fault:
    text = str(error)
    found = re.search(r"Could not find '([^']+)'", text) or re.search(r"Could not load '([^']+)'", text)
    name = found.group(1) if found else (getattr(error, "missing_cfg_file", None) or "config")
    group, _, option = str(name).rpartition("/")
    options = [str(each) for each in (getattr(error, "options", None) or [])]
    if group and options:
        return Fault(group, f"has no option {option!r}", choices(option, options))
    remedy = choices(str(name), groups, what="groups:")
    return Fault(str(name), "there is no such config", remedy)


def _other(error: Exception) -> Fault:
    text = str(error).strip()
    cause = str(error.__cause__).strip() if error.__cause__ is not None else ""
    lines = [line.strip() for line in f"{text}\n{cause}".splitlines() if line.strip()]
    lines = [line for line in lines if not line.startswith(("full_key", "object_type", "reference_type"))]
    absent = re.search(r"Could not override '([^']+)'\.\s*No match in the defaults list", text)
    if absent:
        remedy = "put `personaloom` first in the defaults list of the config"
        return Fault(absent.group(1), "is no group of this config, so no option of it can be chosen", remedy)
    key = getattr(error.__cause__ or error, "full_key", None)
    problem = "; ".join(dict.fromkeys(lines)) or type(error).__name__
    return Fault(str(key or "config"), redact(problem), "see --help for the groups, --cfg job for the keys")
