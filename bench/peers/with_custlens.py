"""custlens: `Store.sync`."""

import sys

import custlens as cl


def sync(path: str, url: str, store_id: str, token: str) -> None:
    limit = int(sys.argv[6]) if len(sys.argv) > 6 else 10_000_000
    cl.Store(path).sync(cl.Client(store_id, token, base_url=url, rate_limit=limit), progress=False)


def read(path: str) -> dict[str, float]:
    table = cl.Store(path).customers(columns=["number_of_orders", "sales_value"])
    return {
        "customers": len(table),
        "orders": int(table["number_of_orders"].sum()),
        "sales": round(table["sales_value"].sum(), 2),
    }


if __name__ == "__main__":
    import json

    print(json.dumps(read(sys.argv[2])) if sys.argv[1] == "read" else sync(*sys.argv[2:6]))
