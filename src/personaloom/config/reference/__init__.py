"""The reference system's own config files: recognised, translated, and written out as Hydra files.

``translate`` is what a run uses (a ``config.yaml`` with ``persona_generation`` in it runs as it stands), ``write_conf``
is what ``migrate=`` uses; both say the same thing, because the second writes down what the first found.
"""

from __future__ import annotations

from personaloom.config.reference.draft import Gap, Translation
from personaloom.config.reference.translation import is_reference, translate
from personaloom.config.reference.writing import CONF_FOLDER, write_conf

__all__ = ["CONF_FOLDER", "Gap", "Translation", "is_reference", "translate", "write_conf"]
