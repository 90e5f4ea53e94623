"""``api``, ``openrouter`` and the models of the two speakers → ``llm`` and its roles."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from personaloom.config.reference.draft import Draft, Origin
from personaloom.config.reference.gaps import gap
from personaloom.config.reference.keys import canonical_provider
from personaloom.config.reference.section import Section, variable_in
from personaloom.errors import Fault, UsageError
from personaloom.llm.endpoints import OPENAI_PROTOCOL, tidy_base_url

__all__ = ["Account", "accounts_of", "model_values", "translate_models"]

DEFAULT_MODEL = "gpt-4o-mini"
BASE_OPTION = "gpt4o"
"""Any option of a real model would do: they have the same keys, and all that matters is set."""

_SECTIONS = frozenset(
    {"api", "paths", "persona_generation", "formulation", "query_generation", "interaction_generation", "distractor",
     "training_data", "experiment"}
)  # fmt: skip
_ADDRESS = ("base_url", "api_base", "endpoint")
_SAMPLING = (
    ("temperature", ("temperature",)),
    ("top_p", ("top_p",)),
    ("max_tokens", ("max_completion_tokens", "max_tokens", "max_output_tokens")),
    ("seed", ("seed",)),
    ("timeout", ("timeout", "request_timeout")),
)
_PENALTIES = ("frequency_penalty", "presence_penalty")


@dataclass(frozen=True, slots=True)
class Account:
    """Where a provider is and which variable holds its key."""

    key_env: Origin | None = None
    base_url: Origin | None = None


def translate_models(config: Section, draft: Draft) -> dict[str, Account]:
    """``llm`` with the roles of the assistant and the user; gives the providers' accounts."""
    if "api" not in config:
        if "assistant_model" not in config.section("interaction_generation"):
            draft.remarks.append(
                "there is no api section: the simulated model is used, unless you choose one (llm=gpt4o …)"
            )
            return {}
        draft.faults.append(Fault("api", "is missing", "write api: {provider: openai, model: gpt-4o-mini}"))
    api = config.section("api")
    provider = canonical_provider(api.peek("provider") or "openai")
    accounts = accounts_of(config, draft)
    draft.bases["llm"] = BASE_OPTION
    _put(draft, "llm", model_values(api, draft, accounts, "", provider, default=DEFAULT_MODEL))
    talk = config.section("interaction_generation")
    _assistant(talk, draft, accounts, provider)
    if "user_model" in talk:
        _put(
            draft,
            "llm.roles.user",
            model_values(talk.section("user_model"), draft, accounts, provider, provider),
        )
    return accounts


def _put(draft: Draft, where: str, values: Mapping[str, Origin]) -> None:
    for key, origin in values.items():
        draft.put(f"{where}.{key}", *origin)


def accounts_of(config: Section, draft: Draft) -> dict[str, Account]:
    """Provider → account, from ``api`` and from sections that carry a provider's name (``openrouter``)."""
    found: dict[str, Account] = {}
    for name in config:
        section = config.peek(name)
        if name not in _SECTIONS and isinstance(section, Mapping) and {"api_key", *_ADDRESS} & set(section):
            provider = canonical_provider(name)
            found[provider] = _account(config.section(name), provider, draft)
    if "api" in config:
        provider = canonical_provider(config.section("api").peek("provider") or "openai")
        own, named = _account(config.section("api"), provider, draft), found.get(provider, Account())
        found[provider] = Account(own.key_env or named.key_env, own.base_url or named.base_url)
    return found


def _account(section: Section, provider: str, draft: Draft) -> Account:
    key, key_at = section.taken("api_key")
    variable, variable_at = section.taken("api_key_env")
    address, address_at = section.taken(*_ADDRESS)
    if key is not None and not variable:
        variable, variable_at = variable_in(str(key)), key_at  # a literal key has its fault already
    return Account(
        Origin(str(variable), variable_at) if variable else None,
        _address(address, address_at, provider, draft),
    )


def _address(value: Any, where: str, provider: str, draft: Draft) -> Origin | None:
    """A server's address, or None where it is the provider's own."""
    if not value:
        return None
    try:
        tidy = tidy_base_url(str(value))
    except UsageError as error:
        remedy = str(error).partition(" → ")[2]
        draft.faults.append(Fault(where, f"{value!r} is no address that can be used", remedy))
        return None
    known = OPENAI_PROTOCOL.get(provider)
    return None if known and known.base_url == tidy else Origin(tidy, where)


def model_values(
    entry: Section, draft: Draft, accounts: Mapping[str, Account], base: str, fallback: str, default: str = ""
) -> dict[str, Origin]:
    """One model's keys.

    Args:
        entry: ``{provider, model, temperature, …}``, sampling flat or under ``inference``.
        draft: for faults.
        accounts: of the providers.
        base: provider whose address and key are there already; they are not said again for it.
        fallback: provider where the entry names none.
        default: model where the entry names none; "" means that it keeps the one above it.
    """
    given, provider_at = entry.taken("provider")
    provider = canonical_provider(given or fallback)
    name, model_at = entry.taken("model", "model_name")
    values: dict[str, Origin] = {}
    if name or default or (given and provider != base):
        if not name and not default:
            draft.faults.append(Fault(provider_at, f"names {provider} without a model", "add model: NAME"))
        values["model"] = Origin(_full_name(provider, str(name or default)), model_at)
    own = _account(entry, provider, draft) if base else Account()
    account = accounts.get(provider, Account()) if provider != base else Account()
    if (address := own.base_url or account.base_url) is not None:
        values["base_url"] = address
        if provider not in OPENAI_PROTOCOL:  # its own protocol, at an address of the user's
            values["transport"] = Origin("litellm", address.key)
    if (variable := own.key_env or account.key_env) is not None:
        values["api_key_env"] = variable
    return values | _sampling(entry)


def _full_name(provider: str, name: str) -> str:
    """``openai/gpt-4o-mini``; a name that begins with its provider stays as it is."""
    return name if name.startswith(f"{provider}/") else f"{provider}/{name}"


def _sampling(entry: Section) -> dict[str, Origin]:
    values: dict[str, Origin] = {}
    penalties: dict[str, Any] = {}
    for part in (entry, entry.section("inference")):
        for key, names in _SAMPLING:
            value, where = part.taken(*names)
            if value is not None:
                values[key] = Origin(value, where)
        penalties |= {name: value for name in _PENALTIES if (value := part.take(name))}
    if penalties:
        values["extra_body"] = Origin(penalties, entry.full("inference"))
    return values


def _assistant(talk: Section, draft: Draft, accounts: Mapping[str, Account], provider: str) -> None:
    given = talk.peek("assistant_model")
    where = talk.full("assistant_model")
    if isinstance(given, list):
        talk.take("assistant_model")
        members, at = given, where
    else:
        entry = talk.section("assistant_model")
        members, at = entry.taken("model_pool", "pool", "models")
        if members and "model" in entry:
            entry.take("provider", "model")
            draft.remarks.append(f"{where}: its pool is used, and the single model beside it is not")
        else:
            _put(draft, "llm.roles.assistant", model_values(entry, draft, accounts, provider, provider))
    if not members:
        return
    if not isinstance(members, list):
        draft.faults.append(Fault(at, f"is {members!r}", "write a list of {provider, model, weight}"))
        return
    pool = [
        _member(Section(member, f"{at}[{number}]", draft.faults), draft, accounts, provider)
        for number, member in enumerate(members)
    ]
    draft.put("llm.roles.assistant.pool", pool, at)


def _member(entry: Section, draft: Draft, accounts: Mapping[str, Account], provider: str) -> dict[str, Any]:
    values = {key: origin.value for key, origin in model_values(entry, draft, accounts, provider, provider).items()}
    if "model" not in values:
        draft.faults.append(Fault(entry.where, "names no model", "write {provider, model, weight}"))
    weight = entry.take("weight")
    draft.gaps += [gap(key, value) for key, value in entry.unread()]
    return values | ({} if weight is None else {"weight": weight})
