"""The floor: Python starts and reads every page over four connections, keeping nothing."""

import gzip
import json
import sys
from concurrent.futures import ThreadPoolExecutor
from http.client import HTTPConnection
from threading import local
from urllib.parse import urlsplit

PAGE = 100


def read_everything(url: str, store_id: str, token: str) -> None:
    parts, mine = urlsplit(url), local()

    def page(offset: int) -> bytes:
        if not hasattr(mine, "connection"):
            mine.connection = HTTPConnection(parts.netloc)
        path = f"{parts.path}/{store_id}/customers?sortBy=REGISTERED_DATE_ASC&limit={PAGE}&offset={offset}"
        mine.connection.request("GET", path, headers={"Authorization": f"Bearer {token}", "Accept-Encoding": "gzip"})
        return mine.connection.getresponse().read()

    with ThreadPoolExecutor(4) as pool:
        total = json.loads(unzipped(page(0)))["total"]
        for _ in pool.map(page, range(PAGE, total, PAGE)):
            pass


def unzipped(body: bytes) -> bytes:
    return gzip.decompress(body) if body[:2] == b"\x1f\x8b" else body


if __name__ == "__main__":
    read_everything(*sys.argv[1:4])
