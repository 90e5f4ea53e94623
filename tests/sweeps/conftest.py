"""The browser and MLflow's page are driven by the helpers of the tests of tracking."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "tracking"))
