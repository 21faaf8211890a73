"""pyecwid: `customers.get()`, then pandas and Parquet as with requests; everything each time."""

import json
import sys
from pathlib import Path

import pandas as pd
from pyecwid import Ecwid


def sync(path: str, url: str, store_id: str, token: str) -> None:
    shop = Ecwid(token, store_id, skip_test=True, base_url=url + "/{0}/")
    table = pd.json_normalize(shop.customers.get())
    for name in ("registered", "updated", "stats.firstOrderDate", "stats.lastOrderDate"):
        table[name] = pd.to_datetime(table[name], format="%Y-%m-%d %H:%M:%S %z", utc=True)
    draft = Path(path + ".part")
    table.to_parquet(draft)
    draft.replace(path)


if __name__ == "__main__":
    from with_requests import read

    print(json.dumps(read(sys.argv[2])) if sys.argv[1] == "read" else sync(*sys.argv[2:6]))
