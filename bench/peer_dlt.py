"""dlt, as its documents say: peer_dlt.py URL FROM TO FOLDER. Runs in the peers' environment."""

from __future__ import annotations

import json
import resource
import sys
import time
from pathlib import Path

import dlt
import pyarrow.parquet as pq
from dlt.destinations import filesystem
from dlt.sources.rest_api import rest_api_source

url, first, last, folder = sys.argv[1:]
source = rest_api_source(
    {
        "client": {
            "base_url": url,
            "paginator": {"type": "cursor", "cursor_path": "next", "cursor_param": "cursor"},
        },
        "resources": [
            {
                "name": "records",
                "write_disposition": "append",
                "endpoint": {
                    "path": "records",
                    "params": {"account": "acme", "from": first, "to": last},
                    "data_selector": "records",
                },
            }
        ],
    }
)
pipeline = dlt.pipeline(
    pipeline_name="bench",
    pipelines_dir=f"{folder}/pipelines",
    destination=filesystem(bucket_url=f"{folder}/out"),
    dataset_name="bench",
)
began, began_cpu = time.perf_counter(), time.process_time()
pipeline.run(source, loader_file_format="parquet")
took_s = time.perf_counter() - began
cpu_s = time.process_time() - began_cpu
files = Path(folder, "out").rglob("records/*.parquet")
rows = sum(pq.read_metadata(file).num_rows for file in files)
mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
answer = {"s": took_s, "cpu_s": cpu_s, "rows": rows, "version": dlt.__version__, "mb": mb}
sys.stdout.write(json.dumps(answer) + "\n")
