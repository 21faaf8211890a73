"""Finds customers by parts of their ID, email, names or phone numbers."""

from __future__ import annotations

import re
import unicodedata

import pandas as pd

__all__ = ["SearchIndex"]

SEARCHED = ("customer_id", "email", "name", "billing_name", "billing_company_name", "billing_phone")


class SearchIndex:
    """Searches ID, email, names, company and phone numbers; case and accents do not matter.

    Parameters
    ----------
    customers : pandas.DataFrame
        A customers table. Needs customer_id; of the other columns those are searched that it has.
    contacts : pandas.DataFrame, optional
        A contacts table, which is searched too.
    """

    def __init__(self, customers: pd.DataFrame, contacts: pd.DataFrame | None = None) -> None:
        self._customers = customers.reset_index(drop=True)
        self._texts = _search_texts(self._customers, contacts)

    def find(self, text: str) -> tuple[pd.DataFrame, bool]:
        """Return the customers that have every word of a text.

        Parameters
        ----------
        text : str
            Words, in any order; a word of three digits or more is looked for in phone numbers without their spaces.

        Returns
        -------
        matches : pandas.DataFrame
            Rows of the customers table: exact IDs and emails first, then by sales value.
        exact : bool
            Whether there is an exact ID or email among them.
        """
        words = _plain(text).split()
        found = self._texts if words else self._texts.iloc[:0]
        for word in words:
            digits = re.sub(r"[\s()+./-]", "", word)
            hit = found.str.contains(word, regex=False)
            if digits.isdecimal() and len(digits) >= 3:
                hit |= found.str.contains(digits, regex=False)
            found = found[hit]
        matches = self._customers.loc[found.index]
        exact = matches["customer_id"].astype("str").eq(" ".join(words))
        if "email" in matches:
            exact |= matches["email"].fillna("").map(_plain).eq(" ".join(words)).astype(bool)
        by = ["_exact", *(["sales_value"] if "sales_value" in matches else [])]
        ranked = matches.assign(_exact=exact).sort_values(by, ascending=False, kind="stable")
        return self._customers.loc[ranked.index], bool(exact.any())


def _search_texts(customers: pd.DataFrame, contacts: pd.DataFrame | None) -> pd.Series:
    """Return what each customer can be found by as one plain text."""
    texts = pd.Series("", index=customers.index, dtype="str")
    for column in SEARCHED:
        if column in customers:
            texts = texts + "\n" + customers[column].astype("str").fillna("")
    if contacts is not None and len(contacts):
        joined = contacts.dropna(subset="contact").groupby("customer_id")["contact"].agg("\n".join)
        texts = texts + "\n" + customers["customer_id"].map(joined).astype("str").fillna("")
    plain = [_plain(text) for text in texts]
    phones = customers.get("billing_phone", pd.Series("", index=customers.index)).astype("str").fillna("")
    digits = ["".join(re.findall(r"\d+", phone)) for phone in phones]
    lines = [f"{text}\n{number}" for text, number in zip(plain, digits, strict=True)]
    return pd.Series(lines, index=texts.index, dtype="str")


def _plain(text: str) -> str:
    """Return a text without case and accents."""
    split = unicodedata.normalize("NFKD", text.casefold())
    return "".join(letter for letter in split if not unicodedata.combining(letter))
