"""Text from customers, made fit to be shown to a person."""

from __future__ import annotations

import unicodedata
from typing import Any

__all__ = ["KINDS", "counted", "country_name", "language_name", "printable"]

KINDS = {"b2b": "business", "b2c": "consumer"}
"""What the values of the column b2b_b2c mean."""
KEPT = "\u200c\u200d"  # joiners that scripts such as Persian, and many emoji, are spelled with


def counted(number: float, noun: str) -> str:
    """Return a number of things, with the noun in the plural unless there is one.

    Examples
    --------
    >>> counted(1, "customer"), counted(1200, "customer")
    ('1 customer', '1,200 customers')
    """
    return f"{number:,.0f} {noun}{'' if number == 1 else 's'}"


def printable(text: Any) -> str:
    """Return a text on one line, without the characters that steer a terminal or turn the text around them.

    Control characters (escape sequences begin with one) and format characters (such as U+202E, which reverses what
    follows) are removed; every run of white space becomes one space.

    Parameters
    ----------
    text : object
        What to show; `str` is called on it.

    Returns
    -------
    str

    Examples
    --------
    >>> printable("Ann" + chr(27) + "[31m " + chr(0x202E) + "Lee" + chr(10))
    'Ann[31m Lee'
    """
    spaced = " ".join(str(text).split())
    return "".join(c for c in spaced if c in KEPT or unicodedata.category(c) not in ("Cc", "Cf"))


def country_name(code: Any) -> str:
    """Return the name of a country; of what is not the code of one (ISO 3166-1 alpha-2), the text itself.

    Examples
    --------
    >>> country_name("GB"), country_name("unknown")
    ('United Kingdom', 'unknown')
    """
    import pycountry

    if code == "XK":  # in common use, but not assigned by ISO
        return "Kosovo"
    country = pycountry.countries.get(alpha_2=str(code))
    return str(code) if country is None else str(getattr(country, "common_name", country.name))


def language_name(code: Any) -> str:
    """Return the name of a language; of what does not begin with a code of ISO 639-1, the text itself.

    Examples
    --------
    >>> language_name("de"), language_name("pt_BR"), language_name("unknown")
    ('German', 'Portuguese (BR)', 'unknown')
    """
    import pycountry

    letters, _, region = str(code).replace("-", "_").partition("_")
    language = pycountry.languages.get(alpha_2=letters)
    if language is None:
        return str(code)
    name = language.name.partition(" (")[0]
    return f"{name} ({region})" if region else name
