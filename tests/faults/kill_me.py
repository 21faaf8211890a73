"""Syncs in a process of its own, which the test kills: python kill_me.py STORE BASE_URL STORE_ID TOKEN."""

import sys

import custlens as cl

if __name__ == "__main__":
    path, url, store_id, token = sys.argv[1:]
    client = cl.Client(store_id, token, base_url=url, rate_limit=1_000_000)
    store = cl.Store(path)
    import custlens.store.sync  # noqa: F401  (what takes long comes before the word)

    print("began", flush=True)
    store.sync(client, progress=False)
    print("ended", flush=True)
