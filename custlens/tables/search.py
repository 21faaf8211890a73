"""Finds customers by parts of their ID, email, names, company or phone numbers."""

from __future__ import annotations

import os
import re
import unicodedata
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from custlens._arguments import shown
from custlens.errors import ArgumentError

__all__ = ["Matches", "SearchIndex", "marked"]

TEXTS = ("email", "name", "billing_name", "billing_company_name")
PHONE = "billing_phone"
UNLIKE_PHONES = r"[^0-9()+./ \x{2010}-\x{2015}-]"
SPELLED = {
    "ß": "ss",
    "ς": "σ",
    "æ": "ae",
    "œ": "oe",
    "ø": "o",
    "ł": "l",
    "đ": "d",
    "ð": "d",
    "þ": "th",
    "ħ": "h",
    "ı": "i",
}
"""Letters that Unicode does not decompose, and how they are usually typed without them."""
ROWS_PER_BLOCK = 16_384
"""The text of a block, about 2 MB, stays in the processor's cache while it is scanned."""
FEW_ROWS = 2_048
"""So few rows of a block are faster to search one by one."""
MOST_THREADS = 4
"""More do not help: they wait for the memory."""
FIRST_PLAIN, LAST_PLAIN = ord(" "), ord("~")
"""The first and the last printable character of ASCII."""
LINE, LINE_END = pa.scalar("\n", pa.large_string()), ord("\n")


class SearchIndex:
    """An index for searching by ID, email, names, company and phone numbers, ignoring case, accents and number formats.

    Parameters
    ----------
    customers : pandas.DataFrame
        A customers table with customer_id. The columns email, name, billing_name, billing_company_name and billing_phone
        are searched if it has them. With sales_value, matches are sorted by it.
    contacts : pandas.DataFrame, optional
        A contacts table, to be searched too.

    Raises
    ------
    ArgumentError
        `customers` is not a pandas table with customer_id.

    Notes
    -----
    The searchable values are kept as one text, with one line per value, in the order of sales_value; it takes about as
    many bytes as the columns. A word is searched for by comparing its two rarest bytes with each block of the text, in
    several threads, and the other bytes only where these two stand.

    Examples
    --------
    >>> import pandas as pd
    >>> customers = pd.DataFrame(
    ...     {"customer_id": [7, 8], "name": ["Zoë Łuk", "Ann Lee"], "billing_phone": [None, "+49 (0)30 123"]}
    ... )
    >>> index = SearchIndex(customers)
    >>> [index.find(text).frame()["customer_id"].tolist() for text in ("luk zoe", "030/123")]
    [[7], [8]]
    """

    def __init__(self, customers: pd.DataFrame, contacts: pd.DataFrame | None = None) -> None:
        if not isinstance(customers, pd.DataFrame) or "customer_id" not in customers:
            raise ArgumentError(f"customers must be a pandas table with customer_id, not {shown(customers)}")
        self._customers = customers.reset_index(drop=True)
        self._order = np.arange(len(customers), dtype="int32")
        if "sales_value" in customers:
            sales = customers["sales_value"].to_numpy("float64", na_value=np.nan)
            self._order = np.argsort(-sales, kind="stable").astype("int32")
        texts = _texts(self._customers, contacts).take(pa.array(self._order))
        _, offsets, text = texts.buffers()
        self._starts = np.frombuffer(offsets, "int64", len(texts) + 1)
        self._text = np.append(np.frombuffer(text or b"", "uint8"), np.zeros(8, "uint8"))
        self._eights = np.ndarray(
            len(self._text) - 8, "uint64", self._text, strides=(1,)
        )  # eight bytes from each place
        self._threads = ThreadPoolExecutor(min(MOST_THREADS, os.cpu_count() or 1), "custlens-search")
        self._frequency = np.bincount(self._text[: 4 * ROWS_PER_BLOCK], minlength=256)

    @property
    def nbytes(self) -> int:
        """Bytes of memory that the index adds to the tables."""
        return self._text.nbytes + self._starts.nbytes + self._order.nbytes

    def find(self, text: str) -> Matches:
        """Return the customers who match every word of a text; those with a value equal to the text come first.

        Parameters
        ----------
        text : str
            Words, in any order. Successive groups of digits are one phone number; its leading zeros, and a zero in
            brackets, are ignored.

        Returns
        -------
        Matches
            Empty if the text is empty.

        Raises
        ------
        ArgumentError
            `text` is not a text.
        """
        if not isinstance(text, str):
            raise ArgumentError(f"text must be the words to search for, not {shown(text)}")
        words = _plain_word(text).split()
        found = exact = np.full(len(self._order), bool(words))
        for group in _groups(words):
            number = _number(group)
            hit, exact = self._with(number, found)
            if number != " ".join(group):  # it may be a word with a number in it, such as 24-7
                each = found
                for word in group:
                    each, _ = self._with(word, each)
                hit |= each
            found = hit
        if words and words != [_number(words)]:
            _, exact = self._with(" ".join(words), found)
        places = np.concatenate([np.flatnonzero(exact), np.flatnonzero(found & ~exact)])
        return Matches(self._customers, self._order[places], int(exact.sum()))

    def _with(self, word: str, among: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return masks of the rows that contain a word and of those with a value equal to it, among those of a mask."""
        sought = word.encode()
        whole = b"\n" + sought + b"\n"
        found, exact = np.zeros((2, len(self._order)), bool)

        def scan(start: int) -> None:
            block = slice(start, start + ROWS_PER_BLOCK)
            starts = self._starts[start : start + ROWS_PER_BLOCK + 1]
            rows = np.flatnonzero(among[block])
            if len(rows) < FEW_ROWS:
                for row in rows.tolist():
                    line = self._text[starts[row] : starts[row + 1]].tobytes()
                    found[start + row], exact[start + row] = sought in line, whole in line
                return
            text = self._text[starts[0] : starts[-1]]
            begins = self._may_begin(sought, text)
            if len(sought) <= 2:
                found[block] = np.logical_or.reduceat(begins, starts[:-1] - starts[0]) & among[block]
                begins[1:] &= text[:-1] == LINE_END
                at = np.flatnonzero(begins) + starts[0]
            else:
                at = self._confirmed(sought, np.flatnonzero(begins) + starts[0])
                found[block] = _hit(at, starts) & among[block]
                at = at[self._text[at - 1] == LINE_END]
            exact[block] = _hit(at[self._text[at + len(sought)] == LINE_END], starts) & among[block]

        list(self._threads.map(scan, range(0, len(found), ROWS_PER_BLOCK)))
        return found, exact

    def _may_begin(self, sought: bytes, text: np.ndarray) -> np.ndarray:
        """Return where in a part of the text some bytes may begin, by the two rarest of them."""
        letters = np.frombuffer(sought, "uint8")
        begins = np.zeros(len(text), bool)
        length = max(len(text) - len(letters) + 1, 0)
        begins[:length] = True
        for place in np.argsort(self._frequency[letters], kind="stable")[:2]:
            begins[:length] &= text[place : place + length] == letters[place]
        return begins

    def _confirmed(self, sought: bytes, at: np.ndarray) -> np.ndarray:
        """Return the places of the text at which all of some bytes stand, compared eight at a time."""
        for first in range(0, len(sought), 8):
            piece = sought[first : first + 8]
            known, wanted = (np.frombuffer(part.ljust(8, b"\0"), "uint64") for part in (b"\xff" * len(piece), piece))
            at = at[self._eights[at + first] & known == wanted]
        return at


def _hit(places: np.ndarray, starts: np.ndarray) -> np.ndarray:
    """Return which rows have one of some places of the text, all in order."""
    if len(places) >= len(starts):
        return np.diff(np.searchsorted(places, starts)) > 0
    hit = np.zeros(len(starts) - 1, bool)
    hit[np.searchsorted(starts, places, side="right") - 1] = True
    return hit


class Matches:
    """The result of a search; its length is the number of customers found.

    Attributes
    ----------
    exact : int
        How many of them have a value that equals the text; they come first.
    """

    def __init__(self, customers: pd.DataFrame, rows: np.ndarray, exact: int) -> None:
        self._customers = customers
        self._rows = rows
        self.exact = exact

    def __len__(self) -> int:
        return len(self._rows)

    def __repr__(self) -> str:
        return f"<Matches: {len(self):,} customers>"

    def head(self, count: int = 20) -> pd.DataFrame:
        """Return the first matches: at most `count` rows of the customers table."""
        return self._customers.iloc[self._rows[:count]]

    def frame(self) -> pd.DataFrame:
        """Return all matches, as rows of the customers table."""
        return self._customers.iloc[self._rows]


def marked(value: str, text: str) -> list[tuple[str, bool]]:
    """Split a value into the parts that match the words of a search and those that do not.

    Parameters
    ----------
    value : str
        A value of a customer, as it is displayed.
    text : str
        The text that was searched for.

    Returns
    -------
    list of tuple of str and bool
        Each part of the value, in order, and whether it matches.

    Examples
    --------
    >>> marked("Zoë Łuk", "luk")
    [('Zoë ', False), ('Łuk', True)]
    """
    letters = [(piece, at) for at, letter in enumerate(value) for piece in _plain_letter(letter)]
    digits = [(piece, at) for piece, at in letters if piece in "0123456789" and value[at - 1 : at + 2] != "(0)"]
    found = [False] * len(value)
    for group in _groups(_plain_word(text).split()):
        number = _number(group)
        for plain, words in ((letters, group), (digits if _like_phone(group[0]) else [], [number])):
            whole = "".join(piece for piece, _ in plain)
            for word in words:
                start = whole.find(word)
                while start >= 0:
                    for at in range(plain[start][1], plain[start + len(word) - 1][1] + 1):
                        found[at] = True
                    start = whole.find(word, start + 1)
    ends = [at for at in range(1, len(value)) if found[at] != found[at - 1]]
    pieces = zip([0, *ends], [*ends, len(value)], strict=True)
    return [(value[start:end], found[start]) for start, end in pieces if value]


def _plain_letter(letter: str) -> str:
    """Return one letter normalized as by `_plain`."""
    split = unicodedata.normalize("NFKD", letter).lower()
    return "".join(SPELLED.get(part, part) for part in split if unicodedata.category(part) not in ("Mn", "Cf"))


def _texts(customers: pd.DataFrame, contacts: pd.DataFrame | None) -> pa.Array:
    """Return the searchable values of each customer as one text, with one line per value."""
    nothing = pa.nulls(len(customers), pa.large_string())
    raw = {name: _column(customers, name) if name in customers else nothing for name in (*TEXTS, PHONE)}
    raw["billing_name"] = _unless_equal(raw["billing_name"], raw["name"])
    lines = [_plain(raw[name]) for name in TEXTS] + [_unlike_phones(raw[PHONE]), _digits(raw[PHONE])]
    if contacts is not None and len(contacts) and len(customers):
        lines.append(_contacts(customers, contacts, raw["email"], lines[-1]))
    ids = pc.cast(pa.array(customers["customer_id"], from_pandas=True), pa.large_string())
    end = pa.scalar("", pa.large_string())
    return pc.binary_join_element_wise(end, ids, *lines, end, LINE, null_handling="skip")


def _contacts(customers: pd.DataFrame, contacts: pd.DataFrame, email: pa.Array, phone: pa.Array) -> pa.Array:
    """Return each customer's contacts as lines, without those that repeat the email or the phone number."""
    ids, owners = customers["customer_id"].to_numpy(), contacts["customer_id"].to_numpy()
    by_id = np.argsort(ids, kind="stable")
    rows = by_id[np.minimum(np.searchsorted(ids, owners, sorter=by_id), len(ids) - 1)]
    texts = _unless_equal(_column(contacts, "contact"), email.take(pa.array(rows)))
    wordy = _unlike_phones(texts)
    numbers = _unless_equal(_digits(pc.if_else(wordy.is_valid(), None, texts)), phone.take(pa.array(rows)))
    lines = pc.coalesce(wordy, numbers)
    kept = np.flatnonzero(lines.is_valid().to_numpy(zero_copy_only=False) & (ids[rows] == owners))
    kept = kept[np.argsort(rows[kept], kind="stable")]
    ends = np.searchsorted(rows[kept], np.arange(len(ids) + 1))
    joined = pc.binary_join(pa.LargeListArray.from_arrays(pa.array(ends), lines.take(pa.array(kept))), LINE)
    return _unless_equal(joined, pa.scalar("", pa.large_string()))


def _unless_equal(texts: pa.Array, others: pa.Array | pa.Scalar) -> pa.Array:
    """Return texts, with missing values where they equal others."""
    return pc.if_else(pc.fill_null(pc.equal(texts, others), False), None, texts)


def _column(table: pd.DataFrame, name: str) -> pa.Array:
    """Return a column as an Arrow array of texts."""
    texts = pa.array(table[name].astype("str"), from_pandas=True)
    whole = texts.combine_chunks() if isinstance(texts, pa.ChunkedArray) else texts
    return whole.cast(pa.large_string())


def _plain(texts: pa.Array) -> pa.Array:
    """Return texts in lower case, without accents and invisible characters."""
    plain = pc.ascii_lower(texts)
    data = plain.buffers()[2]
    letters = np.frombuffer(data, "uint8") if data else np.empty(0, "uint8")
    if letters.min(initial=FIRST_PLAIN) >= FIRST_PLAIN and letters.max(initial=FIRST_PLAIN) <= LAST_PLAIN:
        return plain
    odd = pc.fill_null(pc.match_substring_regex(texts, r"[^ -~]"), False)
    if pc.any(odd).as_py():
        plain = pc.replace_with_mask(plain, odd, _folded(texts.filter(odd)))
    return plain


def _folded(texts: pa.Array) -> pa.Array:
    """Return the same as `_plain` for texts that are not only printable ASCII."""
    lower = pc.utf8_lower(pc.utf8_normalize(texts, "NFKD"))
    bare = pc.replace_substring_regex(lower, r"[\p{Mn}\p{Cf}\x00-\x08\x0e-\x1f]+", "")
    for letter, spelling in SPELLED.items():
        bare = pc.replace_substring(bare, letter, spelling)
    return bare


@lru_cache(maxsize=8)  # each value of a list is marked by the same few words
def _plain_word(text: str) -> str:
    """Return one text normalized as by `_plain`."""
    whole = text.encode("utf-8", "ignore").decode()  # drops lone surrogates, which occur in no text
    plain: str = _folded(pa.array([whole], pa.large_string()))[0].as_py()
    return plain


def _unlike_phones(texts: pa.Array) -> pa.Array:
    """Return the plain texts that are not phone numbers, with missing values for those that are."""
    unlike = pc.match_substring_regex(texts, UNLIKE_PHONES)
    return _plain(pc.if_else(unlike, texts, None))


def _digits(texts: pa.Array) -> pa.Array:
    """Return the digits of texts, without a zero in brackets, which is only dialled within the country."""
    texts = pc.replace_substring(texts, "(0)", "")
    _, offsets, data = texts.buffers()
    if data is None:
        return texts
    letters = np.frombuffer(data, "uint8")
    digit = (letters >= ord("0")) & (letters <= ord("9"))
    ends = np.searchsorted(np.flatnonzero(digit), np.frombuffer(offsets, "int64", len(texts) + 1))
    found = pa.LargeStringArray.from_buffers(len(texts), pa.py_buffer(ends), pa.py_buffer(letters[digit]))
    return _unless_equal(found, pa.scalar("", pa.large_string()))


def _groups(words: list[str]) -> Iterable[list[str]]:
    """Yield the words one by one, but the parts of a phone number together."""
    group: list[str] = []
    for word in words:
        if group and not (_like_phone(word) and _like_phone(group[-1])):
            yield group
            group = []
        group.append(word)
    if group:
        yield group


def _like_phone(word: str) -> bool:
    return re.fullmatch(r"[0-9()+./‐-―-]*[0-9][0-9()+./‐-―-]*", word) is not None


def _number(group: list[str]) -> str:
    """Return the digits to search a phone number by, or the word if it is not a phone number."""
    if not _like_phone(group[0]):
        return group[0]
    digits = re.sub(r"[^0-9]", "", "".join(group).replace("(0)", ""))
    return digits.lstrip("0") or digits
