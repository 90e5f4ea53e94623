"""A Hydra of our own for the time of one composition or sweep, that leaves no trace in the process.

Hydra keeps its state in process-wide singletons. A notebook, a thread or another Hydra application may be using them,
so they are set aside under a lock and put back afterwards.
"""

from __future__ import annotations

import copy
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from hydra import version
from hydra._internal.hydra import Hydra
from hydra._internal.utils import create_config_search_path
from hydra.core.global_hydra import GlobalHydra
from hydra.core.hydra_config import HydraConfig
from hydra.core.utils import JobRuntime

from personaloom.config.sources import remembered_files

__all__ = ["hydra_session"]

_LOCK = threading.RLock()


@contextmanager
def hydra_session(folders: Sequence[Path], extra: Sequence[Path] = ()) -> Iterator[Hydra]:
    """A Hydra that searches these folders, strongest first, then ``extra``.

    Re-entrant in one thread; other threads wait.
    """
    with _LOCK:
        outer, base = GlobalHydra.instance().hydra, version.getbase()
        config, runtime = HydraConfig.instance().cfg, JobRuntime.instance()
        job_conf = copy.deepcopy(runtime.conf)
        GlobalHydra.instance().clear()
        version.setbase("1.3")
        try:
            path = create_config_search_path(None)
            schema = path.get_path().pop()  # structured configs stay last: no file is hidden by one of the same name
            for folder in folders:
                path.append("personaloom", f"file://{folder}")
            for folder in extra:
                path.append("beside-the-config", f"file://{folder}")
            path.get_path().append(schema)
            with remembered_files():
                yield Hydra.create_main_hydra2("personaloom", path)
        finally:
            GlobalHydra.instance().hydra = outer
            version.VersionBase.instance().version_base = base
            HydraConfig.instance().cfg, runtime.conf = config, job_conf
