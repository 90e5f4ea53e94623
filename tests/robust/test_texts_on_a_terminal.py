"""A model's text is shown in a terminal, and does not steer it."""

import io

from rich.console import Console

from personaloom.cli.verbs.preview import _print_prompts, shown
from personaloom.llm.types import ChatMessage
from personaloom.records import PromptUse


def test_signs_that_command_a_terminal_are_made_visible():
    assert shown("a\x1b[2Jb\x07\x00\r\x9b1m\u202ec") == "a␛[2Jb␇␀␍\ufffd1m\ufffdc"


def test_text_of_every_script_stays_as_it_is():
    text = "tab\tline\nÄ é 日本 العربية עברית 🧁👩‍👩‍👧 \u200f"
    assert shown(text) == text


def test_a_preview_writes_no_escape_of_a_model():
    out = io.StringIO()
    seen = {"assistant": ([ChatMessage("user", "x\x1b]0;y\x07")], PromptUse("assistant", "1", "0" * 64))}
    _print_prompts(seen, Console(file=out, width=80))
    assert "\x1b" not in out.getvalue()
