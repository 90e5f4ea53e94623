"""``preview=3``, ``estimate=true`` and the like: a module each, with ``run(value, call) -> exit code``."""
