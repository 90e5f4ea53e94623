"""Signs in a text that something went wrong while it was written. Curly apostrophes are straightened before looking."""

from __future__ import annotations

import re

__all__ = ["LEAKS", "MOJIBAKE", "REFUSAL", "SERVING", "SPEAKS_AS_ASSISTANT", "SPEAKS_AS_USER", "straight"]

_NOT_ABLE = r"(?:can't|cannot|can not|am unable|'m unable|am not able|'m not able|won't be able)"


def straight(text: str) -> str:
    """With straight apostrophes."""
    return text.replace("\u2019", "'")


_JSON_KEYS = "satisfied|message|adapted_query|noisy_text|holds|intents|reply"
_ROLE_TALK = r"as the (?:user|persona) (?:model|simulator)|I(?:'| a)m (?:role-?playing|playing) (?:a|the) persona"

LEAKS = (
    (re.compile(r"<\|?(?:im_start|im_end|endoftext|system|assistant|user|eot_id|start_header_id)\|?>"), "a chat token"),
    (re.compile(r"\[/?INST\]|<<SYS>>|### ?(?:Instruction|Response):"), "a mark of an instruction template"),
    (re.compile(r"\{%[^%]{1,80}%\}|\{\{ ?[a-z_]{1,40} ?\}\}"), "a template field"),
    (re.compile(rf'^\s*(?:```(?:json)?\s*)?\{{\s*"(?:{_JSON_KEYS})"\s*:'), "a JSON reply"),
    (
        re.compile(r"(?i)\b(?:my|the) (?:system prompt|instructions) (?:says?|said|tells?|states?|is to)\b"),
        "a prompt named",
    ),
    (re.compile(rf"(?i)\b(?:{_ROLE_TALK})\b"), "talk of its role"),
)
"""Pattern, and what it shows: words of a prompt, a template or a schema that should have stayed inside."""

REFUSAL = re.compile(
    r"(?i)^\W*(?:"
    rf"(?:i'm|i am) (?:\w+ )?sorry,? (?:but )?i ?{_NOT_ABLE}"
    rf"|sorry,? (?:but )?i ?{_NOT_ABLE}"
    rf"|i ?{_NOT_ABLE}(?: to)? (?:help|assist|comply|provide|answer|fulfil|fulfill|discuss|continue|do that)"
    r"|i (?:must|have to) (?:decline|refuse)"
    rf"|as an? (?:ai|artificial intelligence)(?: language)?(?: model)?,? i ?{_NOT_ABLE}"
    r")"
)
"""How a refusal begins; looked for at the start of an answer only."""

SERVING = re.compile(
    r"(?i)^\W*(?:sure|certainly|of course|absolutely)[,!.] (?:here|i|let|to)\b"
    r"|^\W*(?:great question|happy to help|i'd be (?:happy|glad) to)"
    r"|^\W*here(?:'s| is| are) (?:a|an|the|some|how)\b"
    r"|\b(?:let me know if you (?:need|have|would|want)|feel free to ask|i hope this helps"
    r"|is there anything else i can|how can i (?:help|assist) you)"
)
"""What an assistant says and a user does not."""

SPEAKS_AS_ASSISTANT = re.compile(r"(?i)^\W*(?:assistant|ai|chatbot|bot)\s*:")
SPEAKS_AS_USER = re.compile(
    r"(?i)^\W*(?:(?:user|human)\s*:|(?:hi|hello|hey)?[,!. ]*(?:can|could) you (?:please )?help me\b)"
)

MOJIBAKE = re.compile(
    "\ufffd|\u00c3[\u0080-\u00bf]|\u00e2\u20ac[\u2122\u0153\u009d\u201c\u201d]|[\x00-\x08\x0b\x0c\x0e-\x1f]"
    "|[\ud800-\udfff]"
)
"""What a wrong decoding leaves: replacement characters, UTF-8 read as Latin-1, control characters, lone surrogates."""
