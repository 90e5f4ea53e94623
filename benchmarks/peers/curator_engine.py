"""Bespoke Curator's own engine over prompts from a file; run by ``bench_peers.py`` in an environment of Curator's own.

python curator_engine.py PROMPTS.json BASE_URL CONCURRENCY FOLDER
"""

import json
import os
import sys
from importlib.util import find_spec
from pathlib import Path

_LITELLM = Path(str(find_spec("litellm").origin)).parent
os.environ.update(
    TIKTOKEN_CACHE_DIR=str(_LITELLM / "litellm_core_utils" / "tokenizers"),  # it would fetch this file otherwise
    TELEMETRY_ENABLED="False",
    CURATOR_VIEWER="0",
    CURATOR_DISABLE_RICH_DISPLAY="1",
    LITELLM_LOCAL_MODEL_COST_MAP="True",
    OPENAI_API_KEY="none",
    HF_HUB_OFFLINE="1",
    HF_DATASETS_OFFLINE="1",
    HF_HOME=str(Path(sys.argv[4]) / "huggingface"),  # it asks that an expected folder can be written
)

from bespokelabs import curator  # noqa: E402 - it reads the environment when it is imported


class Ask(curator.LLM):
    """The messages as they are, and the text that came."""

    def prompt(self, row: dict) -> list:
        """What to send."""
        return json.loads(row["messages"])

    def parse(self, _row: dict, response: str) -> dict:
        """What to keep."""
        return {"text": response}


if __name__ == "__main__":
    prompts, base_url, concurrency, folder = sys.argv[1:5]
    asker = Ask(
        model_name="gpt-4o-mini",
        backend="openai",
        backend_params={
            "base_url": f"{base_url}/chat/completions",
            "max_requests_per_minute": 10**7,
            "max_tokens_per_minute": 10**10,
            "max_concurrent_requests": int(concurrency),
        },
    )
    rows = [{"messages": json.dumps(messages)} for messages in json.loads(Path(prompts).read_text("utf-8"))]
    made = asker(rows, working_dir=folder)
    dataset = getattr(made, "dataset", made)
    print(len(dataset))
