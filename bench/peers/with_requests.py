"""requests + pandas: the loop that everybody writes, into Parquet; everything each time."""

import json
import sys
from pathlib import Path

import pandas as pd
import requests


def sync(path: str, url: str, store_id: str, token: str) -> None:
    items, offset, total = [], 0, 1
    with requests.Session() as session:
        session.headers["Authorization"] = f"Bearer {token}"
        while offset < total:
            answer = session.get(f"{url}/{store_id}/customers", params={"offset": offset, "limit": 100}, timeout=30)
            answer.raise_for_status()
            page = answer.json()
            items += page["items"]
            offset, total = offset + 100, page["total"]
    table = pd.json_normalize(items)
    for name in ("registered", "updated", "stats.firstOrderDate", "stats.lastOrderDate"):
        table[name] = pd.to_datetime(table[name], format="%Y-%m-%d %H:%M:%S %z", utc=True)
    draft = Path(path + ".part")
    table.to_parquet(draft)
    draft.replace(path)


def read(path: str) -> dict[str, float]:
    table = pd.read_parquet(path)
    orders, sales = table["stats.numberOfOrders"], table["stats.salesValue"]
    return {"customers": len(table), "orders": int(orders.sum()), "sales": round(float(sales.sum()), 2)}


if __name__ == "__main__":
    print(json.dumps(read(sys.argv[2])) if sys.argv[1] == "read" else sync(*sys.argv[2:6]))
