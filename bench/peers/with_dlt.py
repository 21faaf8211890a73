"""dlt: its REST API source, merged into DuckDB, incremental by `updated`; "tuned" with larger buffers and more workers."""

import json
import os
import sys
from pathlib import Path

TUNED = "tuned" in Path(sys.argv[2]).name
os.environ.update(RUNTIME__DLTHUB_TELEMETRY="false", RUNTIME__LOG_LEVEL="ERROR", DLT_DATA_DIR=sys.argv[2] + ".dlt")
if TUNED:
    os.environ.update(
        DATA_WRITER__BUFFER_MAX_ITEMS="100000",
        EXTRACT__WORKERS="4",
        NORMALIZE__WORKERS="2",
        LOAD__WORKERS="4",
        NORMALIZE__DATA_WRITER__FILE_MAX_ITEMS="50000",
        NORMALIZE__LOADER_FILE_FORMAT="parquet",
    )

import dlt  # noqa: E402
from dlt.sources.rest_api import rest_api_source  # noqa: E402


def pipeline(path: str):
    return dlt.pipeline(
        "shop",
        pipelines_dir=path + ".pipelines",
        destination=dlt.destinations.duckdb(path),
        dataset_name="shop",
        progress=None,
    )


def sync(path: str, url: str, store_id: str, token: str) -> None:
    source = rest_api_source(
        {
            "client": {
                "base_url": f"{url}/{store_id}/",
                "auth": {"type": "bearer", "token": token},
                "paginator": {"type": "offset", "limit": 100, "total_path": "total"},
            },
            "resources": [
                {
                    "name": "customers",
                    "primary_key": "id",
                    "write_disposition": "merge",
                    "parallelized": TUNED,
                    "endpoint": {
                        "path": "customers",
                        "data_selector": "items",
                        "params": {"sortBy": "REGISTERED_DATE_ASC", "updatedFrom": "{incremental.start_value}"},
                        "incremental": {
                            "cursor_path": "updated",
                            "initial_value": "2000-01-01 00:00:00 +0000",
                            "convert": to_seconds,
                        },
                    },
                }
            ],
        }
    )
    pipeline(path).run(source)


def to_seconds(text: str) -> int:
    import datetime

    return int(datetime.datetime.strptime(text, "%Y-%m-%d %H:%M:%S %z").timestamp())


def read(path: str) -> dict[str, float]:
    import duckdb

    with duckdb.connect(path, read_only=True) as database:
        names = {row[0] for row in database.execute("describe shop.customers").fetchall()}
        sales = " + ".join(f"coalesce({name}, 0)" for name in sorted(names) if name.startswith("stats__sales_value"))
        query = f"select count(*), sum(stats__number_of_orders), sum({sales}) from shop.customers"  # noqa: S608
        customers, orders, amount = database.execute(query).fetchone()
    return {"customers": customers, "orders": int(orders), "sales": round(float(amount), 2)}


if __name__ == "__main__":
    print(json.dumps(read(sys.argv[2])) if sys.argv[1] == "read" else sync(*sys.argv[2:6]))
