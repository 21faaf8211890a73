"""PyAirbyte: a declarative source, into its DuckDB cache, incremental by `updated`."""

import json
import logging
import os
import sys
import warnings

os.environ.update(DO_NOT_TRACK="1", AIRBYTE_OFFLINE_MODE="1", AIRBYTE_LOGGING_ROOT=sys.argv[2] + ".logs")
warnings.simplefilter("ignore")
logging.disable(logging.WARNING)

import airbyte as ab  # noqa: E402

TIME = "%Y-%m-%d %H:%M:%S %z"
TEXT, NUMBER, COUNT = {"type": ["null", "string"]}, {"type": ["null", "number"]}, {"type": ["null", "integer"]}
LIST = {"type": ["null", "array"], "items": {"type": "object", "additionalProperties": True}}
STATS = {
    "type": ["null", "object"],
    "properties": {
        "numberOfOrders": COUNT,
        "salesValue": NUMBER,
        "averageOrderValue": NUMBER,
        "firstOrderDate": TEXT,
        "lastOrderDate": TEXT,
    },
}
SCHEMA = {
    "type": "object",
    "additionalProperties": True,
    "properties": {
        "id": {"type": "integer"},
        **dict.fromkeys(("name", "email", "registered", "updated", "lang", "b2b_b2c", "customerGroupName"), TEXT),
        "customerGroupId": COUNT,
        "acceptMarketing": {"type": ["null", "boolean"]},
        "billingPerson": {"type": ["null", "object"], "additionalProperties": True},
        "shippingAddresses": LIST,
        "contacts": LIST,
        "stats": STATS,
    },
}


def option(name: str) -> dict:
    return {"type": "RequestOption", "inject_into": "request_parameter", "field_name": name}


def manifest(url: str, store_id: str) -> dict:
    return {
        "version": "6.0.0",
        "type": "DeclarativeSource",
        "check": {"type": "CheckStream", "stream_names": ["customers"]},
        "spec": {
            "type": "Spec",
            "connection_specification": {
                "type": "object",
                "properties": {"token": {"type": "string", "airbyte_secret": True}},
            },
        },
        "streams": [
            {
                "type": "DeclarativeStream",
                "name": "customers",
                "primary_key": ["id"],
                "schema_loader": {"type": "InlineSchemaLoader", "schema": SCHEMA},
                "retriever": {
                    "type": "SimpleRetriever",
                    "requester": {
                        "type": "HttpRequester",
                        "url_base": f"{url}/{store_id}/",
                        "path": "customers",
                        "http_method": "GET",
                        "authenticator": {"type": "BearerAuthenticator", "api_token": "{{ config['token'] }}"},
                        "request_parameters": {"sortBy": "REGISTERED_DATE_ASC"},
                    },
                    "record_selector": {
                        "type": "RecordSelector",
                        "extractor": {"type": "DpathExtractor", "field_path": ["items"]},
                    },
                    "paginator": {
                        "type": "DefaultPaginator",
                        "page_token_option": option("offset"),
                        "page_size_option": option("limit"),
                        "pagination_strategy": {"type": "OffsetIncrement", "page_size": 100},
                    },
                },
                "incremental_sync": {
                    "type": "DatetimeBasedCursor",
                    "cursor_field": "updated",
                    "datetime_format": "%s",
                    "cursor_datetime_formats": [TIME],
                    "start_datetime": {"type": "MinMaxDatetime", "datetime": "946684800", "datetime_format": "%s"},
                    "start_time_option": option("updatedFrom"),
                },
            }
        ],
    }


def cache(path: str):
    return ab.caches.DuckDBCache(db_path=path)


def sync(path: str, url: str, store_id: str, token: str) -> None:
    source = ab.get_source(
        "source-ecwid", config={"token": token}, source_manifest=manifest(url, store_id), streams="*"
    )
    source.read(cache=cache(path))


def read(path: str) -> dict[str, float]:
    import duckdb

    with duckdb.connect(path, read_only=True) as database:
        query = "select count(*), sum((stats->>'numberOfOrders')::bigint), sum((stats->>'salesValue')::double) from main.customers"
        customers, orders, amount = database.execute(query).fetchone()
    return {"customers": customers, "orders": int(orders), "sales": round(float(amount), 2)}


if __name__ == "__main__":
    print(json.dumps(read(sys.argv[2])) if sys.argv[1] == "read" else sync(*sys.argv[2:6]))
