"""A small real model on the CPU, for people without a key: fetched once, run in a child process of its own."""

from __future__ import annotations

from personaloom.llm.local.client import LocalClient, connect_local
from personaloom.llm.local.fetch import fetch_local, fetched, find_weights

__all__ = ["LocalClient", "connect_local", "fetch_local", "fetched", "find_weights"]
