"""NeMo Data Designer's own engine over prompts from a file; run by ``bench_peers.py`` in an environment of its own.

python data_designer_engine.py PROMPTS.json BASE_URL CONCURRENCY FOLDER
"""

import json
import os
import sys
from pathlib import Path

os.environ.update(NEMO_TELEMETRY_ENABLED="false", DATA_DESIGNER_HOME=sys.argv[4])

import data_designer.config as dd
import pandas as pd
from data_designer.interface import DataDesigner

if __name__ == "__main__":
    prompts, base_url, concurrency, folder = sys.argv[1:5]
    rows = []
    for messages in json.loads(Path(prompts).read_text("utf-8")):
        system = "\n".join(message["content"] for message in messages if message["role"] == "system")
        rest = "\n".join(message["content"] for message in messages if message["role"] != "system")
        rows.append({"system": system, "rest": rest})
    provider = dd.ModelProvider(name="loopback", endpoint=base_url, provider_type="openai")
    model = dd.ModelConfig(
        alias="model",
        model="gpt-4o-mini",
        provider="loopback",
        skip_health_check=True,
        inference_parameters=dd.ChatCompletionInferenceParams(max_parallel_requests=int(concurrency)),
    )
    builder = dd.DataDesignerConfigBuilder(model_configs=[model])
    builder.with_seed_dataset(dd.DataFrameSeedSource(df=pd.DataFrame(rows)))
    builder.add_column(
        name="text", column_type="llm-text", model_alias="model", system_prompt="{{ system }}", prompt="{{ rest }}"
    )
    designer = DataDesigner(artifact_path=Path(folder), model_providers=[provider])
    made = designer.create(builder, num_records=len(rows))
    print(len(made.load_dataset()))
