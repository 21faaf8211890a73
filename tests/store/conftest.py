"""A store in a folder of its own, empty or after its first sync."""

from pathlib import Path

import pytest

import custlens as cl


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "shop.lens"


@pytest.fixture
def store(folder: Path) -> cl.Store:
    return cl.Store(folder)


@pytest.fixture
def synced(client: cl.Client, store: cl.Store) -> cl.Store:
    store.sync(client, progress=False)
    return store
