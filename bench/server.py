"""The demo shop in its own process, with two additions for the benchmarks.

``/bench/…`` answers questions about the shop and changes it; and a token is accepted in the query too, since some peers
send it there.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qs, urlencode

from custlens.demo import Shop
from custlens.demo.population import api_time, generated


class BenchShop(Shop):
    """A shop that the benchmark can question."""

    def _answer(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        path = environ["PATH_INFO"]
        if path.startswith("/bench/"):
            body = json.dumps(getattr(self, f"bench_{path.rsplit('/', 1)[1]}")()).encode()
            start_response("200 OK", [("Content-Type", "application/json"), ("Content-Length", str(len(body)))])
            return [body]
        query = parse_qs(environ.get("QUERY_STRING", ""))
        if token := query.pop("token", None):
            environ["HTTP_AUTHORIZATION"] = f"Bearer {token[0]}"
            environ["QUERY_STRING"] = urlencode(query, doseq=True)
        return super()._answer(environ, start_response)

    def bench_count(self) -> int:
        """Return the number of requests so far."""
        return len(self.requests)

    def bench_refusals(self) -> int:
        """Return the number of 429s so far."""
        return self.statuses.count(429)

    def bench_truth(self) -> dict[str, float]:
        """Return what a store must hold: customers, orders and sales."""
        stats = [customer.stats for customer in self.population.customers.values()]
        return {
            "customers": len(stats),
            "orders": sum(s.number_of_orders or 0 for s in stats if s),
            "sales": round(sum(s.sales_value or 0 for s in stats if s), 2),
        }

    def bench_change(self) -> int:
        """Let one customer in 100 order (`updated` stays), edit one in 1,000 and delete one in 2,000."""
        with self._lock:
            population = self.population
            population.now += timedelta(days=1)
            ids = self.ids
            for customer_id in ids[::100]:
                population.order(customer_id, 10.0)
            for customer_id in ids[1::1000]:
                population.customers[customer_id].private_admin_notes = "edited"
                population.customers[customer_id].updated = api_time(population.now, 0)
            for customer_id in ids[2::2000]:
                population.delete(customer_id)
            self.changed()
        return len(ids[::100])


def main() -> None:
    """Serve: python -m bench.server CUSTOMERS LATENCY_SECONDS [REQUESTS_PER_MINUTE]."""
    from custlens.demo import Faults

    population = generated(int(sys.argv[1]))
    population.patches.clear()
    limit = int(sys.argv[3]) if len(sys.argv) > 3 else None
    with BenchShop(population, faults=Faults(latency=float(sys.argv[2])), rate_limit=limit) as shop:
        print(json.dumps({"url": shop.url, "store_id": shop.store_id, "token": shop.token}), flush=True)
        shop.wait()


if __name__ == "__main__":
    main()
