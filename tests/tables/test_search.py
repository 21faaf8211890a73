"""The search index, on tables small enough to read."""

import unicodedata

import pandas as pd
import pytest

import custlens as cl
from custlens.tables import SearchIndex, marked

CUSTOMERS = pd.DataFrame(
    {
        "customer_id": [101, 102, 103, 1020],
        "email": ["ann@example.com", "zoe@example.com", None, "ann@example.com.au"],
        "name": ["Ann Müller", "Zoë Łuk", "Ann Lee", None],
        "billing_name": ["Ann Müller", "Z. Łuk-Straße", "Ann Lee", None],
        "billing_company_name": [None, "Studio 54", "24-7 Ltd", None],
        "billing_phone": ["+49 (0)30 123-456", None, "tel. 030 99", None],
        "sales_value": [10.0, 20.0, 30.0, None],
    },
    index=[9, 8, 7, 6],
)
CONTACTS = pd.DataFrame(
    {
        "customer_id": [103, 103, 102, 101, 5],
        "contact": ["lee@work.example", "+1 (555) 0100", None, "ann@example.com", "stranger@example.com"],
    }
)


def found(text):
    return SearchIndex(CUSTOMERS, CONTACTS).find(text).frame()["customer_id"].tolist()


@pytest.mark.parametrize(
    ("text", "ids"),
    [
        ("ann", [103, 101, 1020]),  # by sales value, the missing one last
        ("lee ann", [103]),
        ("102", [102, 1020]),  # the exact ID first
        ("ann@example.com", [101, 1020]),
        ("work.example", [103]),
        ("studio", [102]),
        ("studio 54", [102]),
        ("24-7", [103]),
        ("nobody", []),
        ("stranger", []),
        ("a" * 10_000, []),
        ("", []),
        ("   ", []),
        (".*", []),
        ("\n", []),
        ("\ud800", []),
    ],
)
def test_customers_are_found_by_any_part_of_what_they_are_known_by(text, ids):
    assert found(text) == ids


@pytest.mark.parametrize("text", ["muller", "MÜLLER", "Mu\u0308ller", "ｍｕｌｌｅｒ"])
def test_case_accents_and_how_they_are_encoded_do_not_matter(text):
    assert found(text) == [101]


@pytest.mark.parametrize("text", ["luk", "łuk", "strasse", "STRASSE", "straße"])
def test_letters_that_only_some_keyboards_have_are_found_by_how_others_spell_them(text):
    assert found(text) == [102]


@pytest.mark.parametrize(
    "text",
    [
        "+49 (0)30 123-456",
        "+4930123456",
        "0049 30 123456",
        "030 123 456",
        "030/123456",
        "(030) 123-456",
        "+49.30.123‑456",
    ],
)
def test_a_phone_number_is_found_in_any_formatting(text):
    assert found(text) == [101]


def test_a_number_among_contacts_or_after_words_is_found_in_any_formatting_too():
    assert found("1-555-0100") == found("lee 555 01") == found("030 99") == found("tel 3099") == [103]


def test_characters_that_are_not_seen_do_not_matter():
    rows = pd.DataFrame({"customer_id": [1], "name": ["An\u202en\x00 \u200bLee"]})
    assert [len(SearchIndex(rows).find(text)) for text in ("ann lee", "a\u200bnn", "an n")] == [1, 1, 1]


@pytest.mark.parametrize(
    ("text", "exact"), [("102", 1), ("Ann@Example.com", 1), ("ann müller", 1), ("10", 0), ("ann", 0), ("", 0)]
)
def test_values_that_equal_the_text_are_counted(text, exact):
    assert SearchIndex(CUSTOMERS).find(text).exact == exact


def test_the_best_matches_are_read_without_the_rest():
    matches = SearchIndex(CUSTOMERS, CONTACTS).find("ann")
    assert (len(matches), repr(matches)) == (3, "<Matches: 3 customers>")
    assert matches.head(2)["customer_id"].tolist() == [103, 101]
    assert matches.head(2).columns.tolist() == CUSTOMERS.columns.tolist()


def test_the_id_alone_can_be_searched():
    matches = SearchIndex(CUSTOMERS[["customer_id"]]).find("101")
    assert (matches.frame()["customer_id"].tolist(), matches.exact) == ([101], 1)


@pytest.mark.parametrize(("customers", "contacts"), [(0, 5), (0, 0), (4, 0)])
def test_empty_tables_can_be_searched(customers, contacts):
    index = SearchIndex(CUSTOMERS.head(customers), CONTACTS.head(contacts))
    assert len(index.find("zoe")) == (1 if customers else 0)


def test_it_agrees_with_a_plain_loop_over_a_whole_shop(generated):
    customers, contacts = generated.customers, generated.contacts
    columns = ["customer_id", "email", "name", "billing_name", "billing_company_name"]
    owned = contacts.dropna(subset="contact").groupby("customer_id")["contact"].agg(" ".join)
    rows = customers[columns].assign(contacts=customers["customer_id"].map(owned)).astype("str").fillna("")
    texts = {int(row[0]): unicodedata.normalize("NFKD", " ".join(row).casefold()) for row in rows.to_numpy().tolist()}
    index = SearchIndex(customers, contacts)
    for word in ("ro", "rossi", "mail.example", "son", "zz"):
        matches = index.find(word)
        assert set(matches.frame()["customer_id"]) == {key for key, text in texts.items() if word in text}, word
        assert matches.frame()["sales_value"].iloc[matches.exact :].dropna().is_monotonic_decreasing


@pytest.mark.parametrize("value", [None, 5, ["ann"]])
def test_what_is_not_a_text_is_refused(value):
    with pytest.raises(cl.ArgumentError, match="text must be the words to search for"):
        SearchIndex(CUSTOMERS).find(value)


@pytest.mark.parametrize("value", [None, [1], CUSTOMERS[["email"]]])
def test_what_is_not_a_customers_table_is_refused(value):
    with pytest.raises(cl.ArgumentError, match="customers must be a pandas table with customer_id"):
        SearchIndex(value)


@pytest.mark.parametrize(
    ("value", "text", "shown"),
    [
        ("Ann Müller", "mull", "Ann [Müll]er"),
        ("Ann Müller", "ler an", "[An]n Mül[ler]"),
        ("Mu\u0308ller", "mul", "[Mu\u0308l]ler"),
        ("Straße", "ss", "Stra[ß]e"),
        ("+49 (0)30 123-456", "030 1234", "+49 (0)[30 123-4]56"),
        ("+49 (0)30 123-456", "+49 30", "[+49 (0)30] 123-456"),
        ("177000001", "77", "1[77]000001"),
        ("24-7 Ltd", "24-7", "[24-7] Ltd"),
        ("Ann", "zoe", "Ann"),
        ("Ann", "", "Ann"),
        ("", "ann", ""),
        ("aaa", "aa", "[aaa]"),
    ],
)
def test_what_was_searched_for_is_marked_in_a_value(value, text, shown):
    pieces = marked(value, text)
    assert "".join(piece for piece, _ in pieces) == value
    assert "".join(f"[{piece}]" if found else piece for piece, found in pieces) == shown
