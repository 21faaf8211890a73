"""A plain HTTP session with the demo shop, which knows nothing of the client."""

import pytest
import requests


@pytest.fixture
def get(shop):
    """Send a GET with the shop's token; more headers and the like as for requests."""
    with requests.Session() as session:
        session.trust_env = False
        session.headers["Authorization"] = f"Bearer {shop.token}"
        yield lambda path, **options: session.get(f"{shop.url}/{shop.store_id}{path}", timeout=5, **options)
