"""What can go wrong, as one tree, and what each branch means for the user.

::

    PersonaLoomError                      exit code 1 unless said otherwise
    ├── UsageError (ValueError)           2: the command, config or input is at fault; nothing was spent
    │   ├── ConfigError                   2: all faults of a composed config, at once
    │   ├── ConfigNotFoundError (FileNotFoundError)  2
    │   ├── InputError                    2: a line or a file of the user's data
    │   ├── MissingStageInputError        2: a stage was asked for whose input is not there yet
    │   ├── BankError                     2: a persona bank or its rules
    │   └── InfeasibleError               2: what was asked of a sampler cannot be had
    ├── StoreError                        1: the dataset folder or the ledger (full disk, damage, unknown schema)
    │   └── FolderInUseError              1: another process holds the dataset folder
    ├── BudgetExhaustedError              3: the run stopped at its budget and can be resumed
    ├── RunInterruptedError               130: Ctrl-C; the run can be resumed
    ├── TrackingError                     never ends a run: the dataset is whole, the upload can be done later
    └── CallError                         one LLM call; becomes a recorded failure, not a crash
        ├── RetryableError                another attempt may succeed
        │   ├── RateLimitedError          429, 529
        │   ├── UnavailableError          a deployment answered nothing but those and faults for too long
        │   ├── ServerFaultError          5xx
        │   ├── CallTimeoutError          no answer in time
        │   ├── ConnectionCutError        reset, or closed in mid-reply
        │   │   └── UnreachableError      refused, or no such host: nothing was sent
        │   ├── MalformedReplyError       not JSON, wrong content type, wrong shape, schema not met after repair
        │   └── EmptyReplyError           a reply without text
        └── FinalError                    asking again would give the same
            ├── AuthenticationFailedError 401, 403: ends the run, every further call would fail too
            ├── ModelNotFoundError        404: ends the run where a role has no other model and none has answered
            ├── ContextLengthError        the prompt is longer than the model reads
            ├── ContentFilterError        the provider refused to answer
            ├── BadRequestError           any other 4xx
            ├── RefusalError              the model declined in words
            └── TruncatedReplyError       stopped at max_tokens and the policy does not accept that

An error message names the key or line, the value, the choices and the remedy.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

__all__ = [
    "AuthenticationFailedError",
    "BadRequestError",
    "BankError",
    "BudgetExhaustedError",
    "CallError",
    "CallTimeoutError",
    "ConfigError",
    "ConfigNotFoundError",
    "ConnectionCutError",
    "ContentFilterError",
    "ContextLengthError",
    "EmptyReplyError",
    "Fault",
    "FinalError",
    "FolderInUseError",
    "InfeasibleError",
    "InputError",
    "MalformedReplyError",
    "MissingStageInputError",
    "ModelNotFoundError",
    "PersonaLoomError",
    "RateLimitedError",
    "RefusalError",
    "RetryableError",
    "RunInterruptedError",
    "ServerFaultError",
    "StoreError",
    "TrackingError",
    "TruncatedReplyError",
    "UnavailableError",
    "UnreachableError",
    "UsageError",
]


class PersonaLoomError(Exception):
    """Base of all errors that this package raises on purpose."""

    exit_code = 1


class UsageError(PersonaLoomError, ValueError):
    """The command, the config or the input is at fault."""

    exit_code = 2


@dataclass(frozen=True, slots=True)
class Fault:
    """One fault of a config or an input file."""

    where: str
    """The full key (``sampler.min_features``), or ``file:line``."""
    problem: str
    """What is wrong, with the value as given."""
    remedy: str = ""
    """What to write instead: the choices, the nearest known name, the variable to set."""

    def __str__(self) -> str:
        return f"{self.where}: {self.problem}" + (f" → {self.remedy}" if self.remedy else "")


class ConfigError(UsageError):
    """Every fault found in one composed config; ``faults`` has them one by one."""

    def __init__(self, faults: Sequence[Fault], headline: str = "the config cannot be used") -> None:
        self.faults = tuple(faults)
        count = f"{len(self.faults)} fault" + ("" if len(self.faults) == 1 else "s")
        super().__init__("\n  ".join([f"{headline} ({count}):", *map(str, self.faults)]))


class ConfigNotFoundError(UsageError, FileNotFoundError):
    """A config file that does not exist."""

    # OSError formats itself from errno and filename; the message as written is the better one.
    __str__ = Exception.__str__


class InputError(UsageError):
    """A line, a row or a whole file of the user's data."""


class MissingStageInputError(UsageError):
    """A stage was asked for and what it works on has not been made yet."""


class BankError(UsageError):
    """A persona bank that cannot be read, or whose rules contradict each other."""


class InfeasibleError(UsageError):
    """A guarantee that the bank cannot give: so many personas at that distance, under these rules."""


class StoreError(PersonaLoomError):
    """The dataset folder or the ledger cannot be read or written."""


class FolderInUseError(StoreError):
    """Another process is working in this dataset folder."""


class BudgetExhaustedError(PersonaLoomError):
    """The next call might pass a limit of ``engine.budget``."""

    exit_code = 3


class RunInterruptedError(PersonaLoomError):
    """Ctrl-C: calls in flight were drained and stored."""

    exit_code = 130


class TrackingError(PersonaLoomError):
    """MLflow could not be reached or refused; the dataset on disk is not touched by it."""


class CallError(PersonaLoomError):
    """One LLM call that gave no usable reply.

    Attributes:
        status: HTTP status, or None where there was none.
        retry_after_s: seconds the server asked to wait, or None.
        input_tokens, output_tokens: what the failed attempts are known to have used.
        attempts: how many were made.
        ends_run: every further call of the run, or of a role, would fail as this one did.
    """

    kind = "call_error"
    ends_run = False

    def __init__(
        self,
        message: str,
        *,
        status: int | None = None,
        retry_after_s: float | None = None,
        input_tokens: int | None = None,
        output_tokens: int | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.retry_after_s = retry_after_s
        self.input_tokens = input_tokens
        self.output_tokens = output_tokens
        self.attempts = 1


class RetryableError(CallError):
    """Another attempt may succeed."""


class RateLimitedError(RetryableError):
    """429, or 529 (overloaded)."""

    kind = "rate_limited"


class UnavailableError(RetryableError):
    """A deployment has answered nothing but "too many" and faults for so long that its calls wait no more."""

    kind = "unavailable"

    def __init__(self, message: str) -> None:
        super().__init__(message, input_tokens=0, output_tokens=0)


class ServerFaultError(RetryableError):
    """Any other 5xx."""

    kind = "server_fault"


class CallTimeoutError(RetryableError):
    """No complete reply within the deadline of a call."""

    kind = "timeout"


class ConnectionCutError(RetryableError):
    """Reset, or closed before the reply was whole; what it cost is not known."""

    kind = "connection_cut"


class UnreachableError(ConnectionCutError):
    """No connection at all (refused, no such host): nothing was sent, so nothing was used."""

    kind = "unreachable"

    def __init__(self, message: str) -> None:
        super().__init__(message, input_tokens=0, output_tokens=0)


class MalformedReplyError(RetryableError):
    """A reply that is not what the protocol or the asked schema says, after one attempt at repair."""

    kind = "malformed_reply"


class EmptyReplyError(RetryableError):
    """A reply without text."""

    kind = "empty_reply"


class FinalError(CallError):
    """Asking again would give the same."""


class AuthenticationFailedError(FinalError):
    """401 or 403: every further call with this key would fail too, so the run ends."""

    kind = "authentication"
    ends_run = True


class ModelNotFoundError(FinalError):
    """404: no such model or path at this endpoint."""

    kind = "model_not_found"


class ContextLengthError(FinalError):
    """The prompt is longer than the model reads."""

    kind = "context_length"


class ContentFilterError(FinalError):
    """The provider's filter withheld the reply."""

    kind = "content_filter"


class BadRequestError(FinalError):
    """Any other 4xx."""

    kind = "bad_request"


class RefusalError(FinalError):
    """The model declined in words."""

    kind = "refusal"


class TruncatedReplyError(FinalError):
    """The reply stopped at ``max_tokens``."""

    kind = "truncated"
