import pandas as pd
import pytest

from custlens.tables import SearchIndex

CUSTOMERS = pd.DataFrame(
    {
        "customer_id": [101, 102, 103, 1020],
        "email": ["ann@example.com", "zoe@example.com", None, "ann@example.com.au"],
        "billing_name": ["Ann Müller", "Zoë Łuk", "Ann Lee", None],
        "billing_phone": ["+49 (30) 123-456", None, "030 99", None],
        "sales_value": [10.0, 20.0, 30.0, 5.0],
    }
)
CONTACTS = pd.DataFrame({"customer_id": [103, 103, 102], "contact": ["lee@work.example", "+1 555 0100", None]})


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("ann", [103, 101, 1020]),  # by sales value
        ("MULLER", [101]),
        ("zoe", [102]),
        ("lee ann", [103]),
        ("102", [102, 1020]),  # the exact ID first
        ("ann@example.com", [101, 1020]),
        ("30123456", [101]),
        ("work.example", [103]),
        ("nobody", []),
        ("", []),
        ("   ", []),
        (".*", []),
    ],
)
def test_customers_are_found_by_any_part_of_what_they_are_known_by(text, found):
    matches, _ = SearchIndex(CUSTOMERS, CONTACTS).find(text)
    assert matches["customer_id"].tolist() == found


@pytest.mark.parametrize(("text", "exact"), [("102", True), ("Ann@Example.com", True), ("10", False), ("ann", False)])
def test_an_exact_id_or_email_is_known_as_such(text, exact):
    assert SearchIndex(CUSTOMERS).find(text)[1] is exact


def test_the_id_alone_can_be_searched():
    matches, exact = SearchIndex(CUSTOMERS[["customer_id"]]).find("101")
    assert (matches["customer_id"].tolist(), exact) == ([101], True)


def test_an_empty_table_has_no_matches():
    matches, exact = SearchIndex(CUSTOMERS.head(0), CONTACTS.head(0)).find("ann")
    assert (len(matches), exact) == (0, False)
