"""Stores of two syncs."""

import pytest
from helpers.reports import cdnow_store, demo_store

import custlens as cl


@pytest.fixture(scope="session")
def store(tmp_path_factory) -> cl.Store:
    return demo_store(tmp_path_factory.mktemp("demo"))


@pytest.fixture(scope="session")
def cdnow_of_june(tmp_path_factory) -> cl.Store:
    return cdnow_store(tmp_path_factory.mktemp("cdnow"))


@pytest.fixture(scope="session")
def data(store) -> cl.report.ReportData:
    return cl.report.read(store)


@pytest.fixture(scope="session")
def cdnow_data(cdnow_of_june) -> cl.report.ReportData:
    return cl.report.read(cdnow_of_june)
