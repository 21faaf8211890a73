"""The tables, declared once.

Everything that needs to know a column reads it here: the flattening of records, the `responseFields` of a fetch,
the validation, the masking of personal data and the data dictionary. A new API field takes one line here and one in
`custlens.api.records`.
"""

from __future__ import annotations

import re
from typing import Annotated, Any, NamedTuple

import numpy as np
import pandas as pd
import pandera.pandas as pa
import pycountry

__all__ = [
    "COUNTRY_CODES",
    "KNOWN_VALUES",
    "MOST_ORDERS",
    "ROW_RULES",
    "STATS",
    "TABLES",
    "Addresses",
    "ColumnInfo",
    "Contacts",
    "Customers",
    "Rejects",
    "columns",
    "data_dictionary",
    "stats_consistent",
]

UTC = Annotated[pd.DatetimeTZDtype, "us", "UTC"]
STATS = ("number_of_orders", "sales_value", "average_order_value", "first_order_date", "last_order_date")
"""The five order statistics, which are used together or not at all."""
MOST_ORDERS = 2**53
"""The largest number of orders that is still exact as a floating-point number."""
KNOWN_VALUES = {
    "type": re.compile(
        "EMAIL|PHONE|WHATSAPP|TELEGRAM|VIBER|FACEBOOK|FB_MESSENGER|INSTAGRAM|TWITTER|TIKTOK|YOUTUBE|PINTEREST|VK|URL|OTHER"
    ),
    "lang": re.compile(r"[a-z]{2,3}([_-]\w{2,4})?"),
}
"""Known values of columns whose list of values is open; other values are kept, and a report names them."""
DATES_REVERSED = "firstOrderDate must not be after lastOrderDate"
DATES_WITHOUT_ORDERS = "order dates without orders"
SECOND_DEFAULT = "a customer has at most one default EMAIL and PHONE"
ROW_RULES = {DATES_REVERSED: "stats", DATES_WITHOUT_ORDERS: "stats", SECOND_DEFAULT: "default"}
"""The rules about several columns, and what is set to missing where one is broken: all statistics, or one column."""
COUNTRY_CODES = frozenset(
    [country.alpha_2 for country in pycountry.countries]
    + [country.alpha_2 for country in pycountry.historic_countries if hasattr(country, "alpha_2")]
    + ["XK"]
)
"""ISO 3166-1 alpha-2 codes, including withdrawn ones, and XK (Kosovo), a user-assigned code in common use."""
ROUNDING = 0.005
"""Half a cent: the largest error, per order, of an average that is rounded to cents."""


def column(api: str, meaning: str, *, unit: str = "", pii: bool = False, **checks: Any) -> Any:
    """Declare a column: its API path, meaning, unit, and whether it is personal data."""
    nullable = checks.pop("nullable", True)
    return pa.Field(nullable=nullable, description=meaning, metadata={"api": api, "unit": unit, "pii": pii}, **checks)


def stats_consistent(customers: pd.DataFrame) -> pd.Series:
    """Return whether sales_value is number_of_orders × average_order_value, within rounding.

    Parameters
    ----------
    customers : pandas.DataFrame
        Needs number_of_orders, sales_value and average_order_value.

    Returns
    -------
    pandas.Series
        Nullable boolean; missing where one of the three is.
    """
    orders = customers["number_of_orders"].astype("Float64").to_numpy("float64", na_value=np.nan)
    sales = customers["sales_value"].to_numpy("float64")
    product = orders * customers["average_order_value"].to_numpy("float64")
    slack = ROUNDING * (np.abs(orders) + 1) + 1e-9 * np.abs(product)
    close = pd.array(np.abs(sales - product) <= slack, dtype="boolean")
    close[np.isnan(sales) | np.isnan(product)] = pd.NA
    return pd.Series(close, index=customers.index)


class Customers(pa.DataFrameModel):
    """One row per customer."""

    store_id: pd.Int64Dtype = column("", "the shop's store ID")
    customer_id: np.int64 = column("id", "unique internal customer ID", nullable=False, ge=0, unique=True)
    name: pd.StringDtype = column("name", "customer name (repeats the billing name)", pii=True)
    email: pd.StringDtype = column("email", "customer email", pii=True)
    number_of_orders: pd.Int64Dtype = column(
        "stats.numberOfOrders", "orders placed", unit="orders", ge=0, le=MOST_ORDERS
    )
    sales_value: np.float64 = column("stats.salesValue", "total revenue from the customer", unit="currency")
    average_order_value: np.float64 = column(
        "stats.averageOrderValue", "revenue per order, as computed by the API", unit="currency"
    )
    first_order_date: UTC = column("stats.firstOrderDate", "time of the first order", unit="UTC")
    last_order_date: UTC = column("stats.lastOrderDate", "time of the last order", unit="UTC")
    registered: UTC = column("registered", "time of registration", unit="UTC")
    updated: UTC = column("updated", "time of the last edit; an order may or may not change it", unit="UTC")
    customer_group_id: pd.Int64Dtype = column("customerGroupId", "customer group, as an ID")
    customer_group_name: pd.CategoricalDtype = column("customerGroupName", "customer group")
    b2b_b2c: pd.CategoricalDtype = column("b2b_b2c", "b2b (a business) or b2c (a consumer)", isin=("b2b", "b2c"))
    accept_marketing: pd.BooleanDtype = column(
        "acceptMarketing", "consent to promotions; false: never mail; missing: unknown"
    )
    lang: pd.CategoricalDtype = column("lang", "language code")
    billing_name: pd.StringDtype = column("billingPerson.name", "billing name", pii=True)
    billing_first_name: pd.StringDtype = column("billingPerson.firstName", "billing first name", pii=True)
    billing_last_name: pd.StringDtype = column("billingPerson.lastName", "billing last name", pii=True)
    billing_company_name: pd.StringDtype = column("billingPerson.companyName", "billing company", pii=True)
    billing_street: pd.StringDtype = column("billingPerson.street", "billing street", pii=True)
    billing_city: pd.StringDtype = column("billingPerson.city", "billing city", pii=True)
    billing_country_code: pd.CategoricalDtype = column(
        "billingPerson.countryCode", "billing country, ISO 3166-1 alpha-2", isin=COUNTRY_CODES
    )
    billing_country_name: pd.CategoricalDtype = column("billingPerson.countryName", "billing country")
    billing_postal_code: pd.StringDtype = column("billingPerson.postalCode", "billing postal code", pii=True)
    billing_state_or_province_code: pd.CategoricalDtype = column(
        "billingPerson.stateOrProvinceCode", "billing state, as a code"
    )
    billing_state_or_province_name: pd.CategoricalDtype = column("billingPerson.stateOrProvinceName", "billing state")
    billing_phone: pd.StringDtype = column("billingPerson.phone", "billing phone", pii=True)
    tax_id: pd.StringDtype = column("taxId", "tax ID", pii=True)
    tax_id_valid: pd.BooleanDtype = column("taxIdValid", "whether the tax ID is valid")
    fiscal_code: pd.StringDtype = column("fiscalCode", "Italian fiscal code", pii=True)
    electronic_invoice_pec_email: pd.StringDtype = column(
        "electronicInvoicePecEmail", "certified mail for Italian e-invoices", pii=True
    )
    electronic_invoice_sdi_code: pd.StringDtype = column(
        "electronicInvoiceSdiCode", "exchange code for Italian e-invoices", pii=True
    )
    tax_exempt: pd.BooleanDtype = column("taxExempt", "whether the customer is exempt from tax")
    total_order_count: pd.Int64Dtype = column(
        "totalOrderCount", "orders of every status (newer API)", unit="orders", ge=0
    )
    external_reference_id: pd.StringDtype = column("externalReferenceId", "ID in another system", pii=True)
    private_admin_notes: pd.StringDtype = column("privateAdminNotes", "the shop's own notes", pii=True)
    favorites: pd.StringDtype = column("favorites", "favourite products, as JSON")
    extrafields: pd.StringDtype = column("extrafields", "the shop's own fields, as JSON", pii=True)
    extra: pd.StringDtype = column("", "API fields unknown to custlens, as JSON by API path", pii=True)
    stats_consistent: pd.BooleanDtype = column(
        "", "sales_value = number_of_orders × average_order_value, within rounding"
    )
    currency: pd.CategoricalDtype = column("", "ISO 4217 currency of the amounts, where it is known")
    as_of: UTC = column("", "time of the observation, by the shop's clock", unit="UTC")

    class Config:
        strict = True

    @pa.check("sales_value", "average_order_value", name="must be finite")
    def _finite(cls, series: pd.Series) -> pd.Series:
        return pd.Series(np.isfinite(series.to_numpy()), index=series.index)

    @pa.dataframe_check(name=DATES_REVERSED)
    def _dates_in_order(cls, frame: pd.DataFrame) -> pd.Series:
        if not {"first_order_date", "last_order_date"} <= set(frame.columns):
            return pd.Series(True, index=frame.index)
        return ~(frame["first_order_date"] > frame["last_order_date"])

    @pa.dataframe_check(name=DATES_WITHOUT_ORDERS)
    def _no_dates_without_orders(cls, frame: pd.DataFrame) -> pd.Series:
        dates = [name for name in ("first_order_date", "last_order_date") if name in frame]
        if "number_of_orders" not in frame or not dates:
            return pd.Series(True, index=frame.index)
        none = frame["number_of_orders"].eq(0).fillna(False).astype(bool)
        return ~(none & frame[dates].notna().any(axis=1))


class Addresses(pa.DataFrameModel):
    """One row per entry of a customer's address book."""

    customer_id: np.int64 = column("id", "the customer", nullable=False, ge=0)
    address_id: pd.Int64Dtype = column("shippingAddresses.id", "address ID")
    name: pd.StringDtype = column("shippingAddresses.name", "name", pii=True)
    first_name: pd.StringDtype = column("shippingAddresses.firstName", "first name", pii=True)
    last_name: pd.StringDtype = column("shippingAddresses.lastName", "last name", pii=True)
    company_name: pd.StringDtype = column("shippingAddresses.companyName", "company", pii=True)
    street: pd.StringDtype = column("shippingAddresses.street", "street", pii=True)
    city: pd.StringDtype = column("shippingAddresses.city", "city", pii=True)
    country_code: pd.CategoricalDtype = column(
        "shippingAddresses.countryCode", "country, ISO 3166-1 alpha-2", isin=COUNTRY_CODES
    )
    country_name: pd.CategoricalDtype = column("shippingAddresses.countryName", "country")
    postal_code: pd.StringDtype = column("shippingAddresses.postalCode", "postal code", pii=True)
    state_or_province_code: pd.CategoricalDtype = column("shippingAddresses.stateOrProvinceCode", "state, as a code")
    state_or_province_name: pd.CategoricalDtype = column("shippingAddresses.stateOrProvinceName", "state")
    phone: pd.StringDtype = column("shippingAddresses.phone", "phone", pii=True)
    note: pd.StringDtype = column("shippingAddresses.note", "note", pii=True)
    created_date: UTC = column("shippingAddresses.createdDate", "time it was added", unit="UTC")
    default_address: pd.BooleanDtype = column("shippingAddresses.defaultAddress", "whether it is the default address")
    order_by: pd.Int64Dtype = column("shippingAddresses.orderBy", "position in the list")
    address_formatted: pd.StringDtype = column(
        "shippingAddresses.addressFormatted", "the address in one line", pii=True
    )

    class Config:
        strict = True


class Contacts(pa.DataFrameModel):
    """One row per contact of a customer: email addresses, phone numbers, links."""

    customer_id: np.int64 = column("id", "the customer", nullable=False, ge=0)
    contact_id: pd.Int64Dtype = column("contacts.id", "contact ID")
    contact: pd.StringDtype = column("contacts.contact", "the address, number or link", pii=True)
    type: pd.CategoricalDtype = column("contacts.type", "kind of contact, such as EMAIL or PHONE; an open list")
    handle: pd.StringDtype = column("contacts.handle", "account name on a social network", pii=True)
    default: pd.BooleanDtype = column("contacts.default", "whether it is the default contact of its type")
    note: pd.StringDtype = column("contacts.note", "note", pii=True)
    order_by: pd.Int64Dtype = column("contacts.orderBy", "position in the list")
    timestamp: UTC = column("contacts.timestamp", "time it was added", unit="UTC")

    class Config:
        strict = True

    @pa.dataframe_check(name=SECOND_DEFAULT)
    def _one_default(cls, frame: pd.DataFrame) -> pd.Series:
        if not {"type", "default"} <= set(frame.columns):
            return pd.Series(True, index=frame.index)
        default = frame["default"].fillna(False).astype(bool) & frame["type"].isin(["EMAIL", "PHONE"])
        again = frame.loc[default, ["customer_id", "type"]].duplicated()
        return ~again.reindex(frame.index, fill_value=False)


class Rejects(pa.DataFrameModel):
    """One row per value or row that could not be used; `raw` holds the whole record it came in."""

    customer_id: pd.Int64Dtype = column("id", "the customer, where it is known")
    api_path: pd.StringDtype = column("", "path of the value in the JSON", nullable=False)
    value: pd.StringDtype = column("", "the unusable value, as JSON", pii=True)
    reason: pd.StringDtype = column("", "what is wrong with it", nullable=False)
    raw: pd.StringDtype = column("", "the whole record, as JSON", pii=True)
    dropped: pd.BooleanDtype = column(
        "", "whether the whole row is missing from its table, not only a value", nullable=False
    )

    class Config:
        strict = True


TABLES: dict[str, type[pa.DataFrameModel]] = {
    "customers": Customers,
    "addresses": Addresses,
    "contacts": Contacts,
    "rejects": Rejects,
}


class ColumnInfo(NamedTuple):
    """The declaration of one column."""

    name: str
    api: str
    dtype: str
    unit: str
    pii: bool
    meaning: str


def columns(table: str) -> list[ColumnInfo]:
    """Return the declarations of the columns of a table.

    Parameters
    ----------
    table : {"customers", "addresses", "contacts", "rejects"}

    Returns
    -------
    list of ColumnInfo
    """
    found = []
    for name, declared in TABLES[table].to_schema().columns.items():
        metadata = declared.metadata or {}
        dtype = str(declared.dtype).replace("string[pyarrow]", "str")
        found.append(
            ColumnInfo(name, metadata["api"], dtype, metadata["unit"], metadata["pii"], declared.description or "")
        )
    return found


def data_dictionary() -> pd.DataFrame:
    """Return a table of every column of every table.

    Returns
    -------
    pandas.DataFrame
        Columns: table, column, api, dtype, unit, pii (bool), meaning.

    Examples
    --------
    >>> words = data_dictionary()
    >>> words.loc[words["column"] == "sales_value", ["api", "dtype"]].values.tolist()
    [['stats.salesValue', 'float64']]
    """
    rows = [{"table": table, **info._asdict()} for table in TABLES for info in columns(table)]
    return pd.DataFrame(rows).rename(columns={"name": "column"})
