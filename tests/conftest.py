"""For all tests: examples of hypothesis have no deadline of their own, because other work runs on the same machine."""

from hypothesis import settings

settings.register_profile("shared machine", deadline=None)
settings.load_profile("shared machine")
