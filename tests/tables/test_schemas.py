import pandas as pd
import pandera.errors
import pytest

import custlens as cl
from custlens.api.records import OPEN, Contact, Customer, Person, ShippingAddress, Stats, api_names
from custlens.tables import schemas
from docs.build import DICTIONARY, data_dictionary


def test_every_field_of_the_records_has_its_column():
    declared = {info.api for table in ("customers", "addresses", "contacts") for info in schemas.columns(table)}
    paths = set()
    nested = {"billingPerson": Person, "shippingAddresses": ShippingAddress, "contacts": Contact, "stats": Stats}
    for name in api_names(Customer).values():
        paths |= {f"{name}.{inner}" for inner in api_names(nested[name]).values()} if name in nested else {name}
    assert paths == declared - {""}


def test_every_column_says_what_it_means():
    words = schemas.data_dictionary()
    assert (words["meaning"].str.len() > 3).all()
    assert not words.duplicated(["table", "column"]).any()


def test_what_tells_a_person_is_marked_as_personal():
    words = schemas.data_dictionary()
    personal = set(words.loc[words["pii"], "column"])
    assert {"name", "email", "billing_phone", "billing_street", "contact", "phone", "raw", "value", "extra"} <= personal
    assert not {"customer_id", "sales_value", "number_of_orders", "billing_country_code"} & personal


def test_a_customer_is_shown_without_what_the_schemas_call_personal():
    personal = {info.name for info in schemas.columns("customers") if info.pii}
    assert not OPEN & personal
    assert set(api_names(Customer)) - OPEN - personal == {
        "billing_person",
        "shipping_addresses",
        "contacts",
        "stats",
    }


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("number_of_orders", -1),
        ("sales_value", float("inf")),
        ("average_order_value", float("-inf")),
        ("customer_id", -5),
    ],
)
def test_the_schema_refuses_a_table_that_was_changed_for_the_worse(generated, column, value):
    changed = generated.customers.copy()
    changed.loc[3, column] = value
    with pytest.raises(pandera.errors.SchemaErrors):
        cl.schemas.Customers.validate(changed, lazy=True)
    cl.schemas.Customers.validate(generated.customers)


def test_ids_must_be_unique(generated):
    with pytest.raises(pandera.errors.SchemaError, match="customer_id"):
        cl.schemas.Customers.validate(pd.concat([generated.customers, generated.customers.head(1)], ignore_index=True))


def test_the_data_dictionary_in_the_docs_is_current():
    assert DICTIONARY.read_text(encoding="utf-8") == data_dictionary(), "run `make docs`"
