"""Makes the customers of the demo stores: a generated shop, and a real one.

The generated shop buys as the BG/NBD model says (Fader, Hardie and Lee 2005): each customer orders at a rate of their
own (gamma distributed) and drops out after any order with a probability of their own (beta distributed). What they
spend an order is lognormal around a heavy-tailed mean of their own. December is busier, and the shop grows.
"""

from __future__ import annotations

import csv
import importlib.resources
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta, timezone
from typing import Any

import numpy as np

from custlens.api.records import Contact, Customer, Person, ShippingAddress, Stats
from custlens.errors import ArgumentError

__all__ = ["Population", "cdnow", "generated"]

DAY = 86_400.0
SHOP_OPENED = datetime(2022, 3, 1, tzinfo=UTC)
SHOP_NOW = datetime(2026, 6, 30, 12, tzinfo=UTC)
CDNOW_FIRST = datetime(1997, 1, 1, tzinfo=UTC)
CDNOW_NOW = datetime(1998, 6, 30, 23, 59, 59, tzinfo=UTC)
ORDER_RATE = (0.6, 110.0)
"""Shape and scale (days) of the gamma distribution of order rates."""
DROPOUT = (0.9, 2.6)
"""Beta distribution of the probability of dropping out after an order."""
DECEMBER = 2.2
"""How much busier December is."""
FIRST_ID = 177_000_001

COUNTRIES = [  # code, name, share, UTC offset in hours, state code, state, cities, dialling code
    ("US", "United States", 0.38, -5, "NY", "New York", ("New York", "Buffalo", "Albany"), "+1"),
    ("GB", "United Kingdom", 0.14, 0, "ENG", "England", ("London", "Leeds", "Bath"), "+44"),
    ("DE", "Germany", 0.12, 1, "BE", "Berlin", ("Berlin", "Köln", "Leipzig"), "+49"),
    ("IT", "Italy", 0.08, 1, "RM", "Roma", ("Roma", "Ostia", "Tivoli"), "+39"),
    ("FR", "France", 0.07, 1, "IDF", "Île-de-France", ("Paris", "Créteil", "Évry"), "+33"),
    ("CA", "Canada", 0.06, -5, "ON", "Ontario", ("Toronto", "Ottawa", "Guelph"), "+1"),
    ("AU", "Australia", 0.04, 10, "NSW", "New South Wales", ("Sydney", "Newcastle", "Orange"), "+61"),
    ("IL", "Israel", 0.03, 2, "TA", "Tel Aviv", ("תל אביב", "רמת גן"), "+972"),
    ("JP", "Japan", 0.03, 9, "13", "Tokyo", ("東京", "八王子"), "+81"),
    ("GE", "Georgia", 0.02, 4, "TB", "Tbilisi", ("Tbilisi", "Rustavi"), "+995"),
    ("NA", "Namibia", 0.02, 2, "KH", "Khomas", ("Windhoek",), "+264"),
    ("XK", "Kosovo", 0.01, 1, "", "", ("Prishtina",), "+383"),
]
FIRST_NAMES = {
    "IL": ("נועה", "דוד", "יעל", "איתן"),
    "JP": ("陽菜", "蓮", "結衣", "湊"),
    "": (
        *("Ada", "Ben", "Chloé", "Daniel", "Elif", "Freja", "Giulia", "Hugo", "Ines", "Jonas", "Keiko", "Liam"),
        *("Maya", "Noah", "Olga", "Pablo", "Quinn", "Rosa", "Søren", "Theo", "Uma", "Vera", "Will", "Zoë"),
    ),
}
LAST_NAMES = {
    "IL": ("כהן", "לוי", "מזרחי"),
    "JP": ("佐藤", "鈴木", "高橋"),
    "": (
        *("Abbott", "Baker", "Conti", "Dubois", "Eriksen", "Fischer", "García", "Haddad", "Ito", "Jansen", "Kowalski"),
        *(
            "López",
            "Müller",
            "Novak",
            "O'Brien",
            "Petit",
            "Quist",
            "Rossi",
            "Smith",
            "Torres",
            "Ueda",
            "Weber",
            "Young",
        ),
    ),
}
LANGUAGES = {
    "US": "en",
    "GB": "en",
    "CA": "en",
    "AU": "en",
    "NA": "en",
    "DE": "de",
    "IT": "it",
    "FR": "fr",
    "IL": "he",
    "JP": "ja",
}
GROUPS = [
    (0, "General", 0.78),
    (4201, "Newsletter club", 0.14),
    (4202, "Wholesale", 0.05),
    (4203, "Staff & friends", 0.03),
]


@dataclass
class Population:
    """The customers of one store, and what is needed to let them live on.

    Attributes
    ----------
    customers : dict of int to Customer
        By customer ID.
    patches : dict of int to dict
        What differs from a sound record in the JSON of some customers (``None`` removes a field).
    now : datetime
        The store's clock.
    """

    customers: dict[int, Customer]
    now: datetime
    currency: str
    patches: dict[int, dict[str, Any]] = field(default_factory=dict)
    deleted: list[tuple[int, datetime]] = field(default_factory=list)
    rng: np.random.Generator = field(default_factory=lambda: np.random.default_rng(7))
    traits: dict[int, tuple[float, float, float, bool]] = field(default_factory=dict)
    """Orders a day, probability of dropping out after an order, mean spend, and whether still a customer."""

    def advance(self, days: float) -> None:
        """Let time pass: new customers, orders that do not move `updated`, edits, deletions."""
        start, self.now = self.now, self.now + timedelta(days=days)
        self._order(start, days)
        regulars = list(self.customers)
        for _ in range(self.rng.poisson(len(regulars) * days / 900)):
            when = start + timedelta(days=float(self.rng.uniform(0, days)))
            self._arrive(when)
        for customer_id in self._some(regulars, days / 200):
            customer = self.customers[customer_id]
            customer.private_admin_notes = f"called on {self.now:%d %B %Y}"
            customer.updated = api_time(self.now, 0)
        for customer_id in self._some(regulars, days / 1500):
            self.delete(customer_id)

    def order(self, customer_id: int, amount: float, when: datetime | None = None) -> None:
        """Place an order: the statistics move, `updated` does not."""
        stats = self.customers[customer_id].stats or Stats(number_of_orders=0, sales_value=0)
        orders = (stats.number_of_orders or 0) + 1
        sales = round((stats.sales_value or 0) + amount, 2)
        at = api_time(when or self.now, _offset(stats.first_order_date))
        self.customers[customer_id].stats = Stats(
            number_of_orders=orders,
            sales_value=sales,
            average_order_value=round(sales / orders, 2),
            first_order_date=stats.first_order_date or at,
            last_order_date=at,
        )

    def delete(self, customer_id: int) -> None:
        """Delete a customer."""
        del self.customers[customer_id]
        self.patches.pop(customer_id, None)
        self.traits.pop(customer_id, None)
        self.deleted.append((customer_id, self.now))

    def _order(self, start: datetime, days: float) -> None:
        """Let the customers who are still there order, by their own rates."""
        for customer_id in list(self.traits):
            rate, dropout, spend, alive = self.traits[customer_id]
            at = 0.0
            while alive:
                at += self.rng.exponential() / max(rate, 1e-9)
                if at > days:
                    break
                when = start + timedelta(days=at)
                self.order(customer_id, float(np.round(spend * self.rng.lognormal(-0.08, 0.4), 2)), when)
                alive = bool(self.rng.random() >= dropout)
            self.traits[customer_id] = (rate, dropout, spend, alive)

    def _arrive(self, when: datetime) -> None:
        customer_id = max(self.customers, default=FIRST_ID - 1) + 1
        (customer,), traits = _people(self.rng, np.array([when.timestamp()]), customer_id)
        self.customers[customer_id] = customer
        self.traits[customer_id] = (float(traits[0][0]), float(traits[1][0]), float(traits[2][0]), True)
        self.order(customer_id, float(np.round(traits[2][0], 2)), when)

    def _some(self, ids: list[int], share: float) -> list[int]:
        return [
            i for i, drawn in zip(ids, self.rng.random(len(ids)) < share, strict=True) if drawn and i in self.customers
        ]


def generated(customers: int = 5_000, seed: int = 7) -> Population:
    """Generate a shop; the same seed gives the same shop."""
    rng = np.random.default_rng(seed)
    span = (SHOP_NOW - SHOP_OPENED).total_seconds()
    arrivals = np.sort(SHOP_OPENED.timestamp() + span * rng.power(1.6, customers))
    people, (rates, dropouts, spends) = _people(rng, arrivals, FIRST_ID)
    lasts, orders, sales, firsts, alive = _purchases(rng, arrivals, rates, dropouts, spends)
    for index, person in enumerate(people):
        if not orders[index]:
            person.stats = Stats(number_of_orders=0, sales_value=0, average_order_value=0)
            continue
        offset = _offset(person.registered)
        person.stats = Stats(
            number_of_orders=int(orders[index]),
            sales_value=float(np.round(sales[index], 2)),
            average_order_value=float(np.round(sales[index] / orders[index], 2)),
            first_order_date=api_time(datetime.fromtimestamp(firsts[index], UTC), offset),
            last_order_date=api_time(datetime.fromtimestamp(lasts[index], UTC), offset),
        )
        if rng.random() < 0.04:
            person.total_order_count = int(orders[index]) + 1
    by_id = {person.id: person for person in people if person.id is not None}
    traits = {
        customer_id: (float(rates[i]), float(dropouts[i]), float(spends[i]), bool(alive[i]))
        for i, customer_id in enumerate(by_id)
    }
    shop = Population(by_id, SHOP_NOW, "EUR", rng=rng, traits=traits)
    shop.patches = _nasty(list(by_id), rng)
    return shop


def cdnow(until: date | None = None) -> Population:
    """Give the real shop: 2,357 customers of CDNOW as they stood at the end of a day, at the latest 30 June 1998.

    The data set has orders alone; a customer is taken to have registered on the day of the first order, and the
    email address is made up from the number.
    """
    now = CDNOW_NOW if until is None else datetime.combine(until, CDNOW_NOW.time(), UTC)
    if not CDNOW_FIRST <= now <= CDNOW_NOW:
        raise ArgumentError(f"until must be a day from {CDNOW_FIRST:%Y-%m-%d} to {CDNOW_NOW:%Y-%m-%d}, not {until}")
    path = importlib.resources.files("custlens.demo") / "data" / "cdnow_sample_orders.csv"
    orders: dict[int, list[tuple[str, float]]] = {}
    with path.open(encoding="utf-8") as file:
        for row in csv.DictReader(file):
            if row["date"] <= f"{now:%Y-%m-%d}":
                orders.setdefault(int(row["customer"]), []).append((row["date"], float(row["amount_usd"])))
    customers = {}
    for number, placed in orders.items():
        first, last = min(placed)[0], max(placed)[0]
        sales = round(sum(amount for _, amount in placed), 2)
        name = f"CDNOW customer {number}"
        customers[number] = Customer(
            id=number,
            name=name,
            email=f"customer{number}@cdnow.example",
            registered=f"{first} 00:00:00 +0000",
            updated=f"{first} 00:00:00 +0000",
            customer_group_id=0,
            customer_group_name="General",
            billing_person=Person(name=name, country_code="US", country_name="United States"),
            contacts=[],
            b2b_b2c="b2c",
            lang="en",
            stats=Stats(
                number_of_orders=len(placed),
                sales_value=sales,
                average_order_value=round(sales / len(placed), 2),
                first_order_date=f"{first} 00:00:00 +0000",
                last_order_date=f"{last} 00:00:00 +0000",
            ),
        )
    return Population(customers, now, "USD")


def api_time(when: datetime, offset_hours: int) -> str:
    """Write a time as the API does, ``2014-06-06 18:57:19 +0400``."""
    return when.astimezone(timezone(timedelta(hours=offset_hours))).strftime("%Y-%m-%d %H:%M:%S %z")


def _offset(text: str | None) -> int:
    return int(text[-5:-2]) if text else 0


def _purchases(
    rng: np.random.Generator, arrivals: np.ndarray, rates: np.ndarray, dropouts: np.ndarray, spends: np.ndarray
) -> tuple[np.ndarray, ...]:
    """Draw every customer's orders, one round of next orders after the other, in a time that December stretches."""
    clock = np.arange(SHOP_OPENED.timestamp(), SHOP_NOW.timestamp() + DAY, DAY)
    december = np.array([datetime.fromtimestamp(day, UTC).month == 12 for day in clock])
    busy = np.concatenate([[0.0], np.cumsum(np.where(december, DECEMBER, 1.0))[:-1]])
    end = SHOP_NOW.timestamp()
    n = len(arrivals)
    orders, sales = np.zeros(n, "int64"), np.zeros(n)
    firsts, lasts = np.zeros(n), np.zeros(n)
    at = np.interp(arrivals, clock, busy)
    active = np.flatnonzero(rng.random(n) >= 0.12)  # the others only registered
    alive = np.zeros(n, bool)
    alive[active] = True
    first_round = True
    while len(active):
        if not first_round:
            at[active] += rng.exponential(1 / rates[active])
        when = np.interp(at[active], busy, clock) + (rng.uniform(60, 900, len(active)) if first_round else 0.0)
        within = when <= end
        active, when = active[within], when[within]
        orders[active] += 1
        sales[active] += np.round(spends[active] * rng.lognormal(-0.08, 0.4, len(active)), 2)
        firsts[active] = np.where(orders[active] == 1, when, firsts[active])
        lasts[active] = when
        dropped = rng.random(len(active)) < dropouts[active]
        alive[active[dropped]] = False
        active = active[~dropped]
        first_round = False
    return lasts, orders, sales, firsts, alive


def _people(
    rng: np.random.Generator, arrivals: np.ndarray, first_id: int
) -> tuple[list[Customer], tuple[np.ndarray, np.ndarray, np.ndarray]]:
    """Make persons, and what kind of buyers they are."""
    n = len(arrivals)
    countries = rng.choice(len(COUNTRIES), n, p=[row[2] for row in COUNTRIES])
    groups = rng.choice(len(GROUPS), n, p=[row[2] for row in GROUPS])
    consent = rng.choice(3, n, p=[0.46, 0.34, 0.20])
    guest = rng.random(n) < 0.15
    draws = rng.integers(0, 2**31, (n, 4))
    wholesale = groups == 2
    rates = rng.gamma(ORDER_RATE[0], 1 / ORDER_RATE[1], n) * np.where(wholesale, 2.0, 1.0) + 1e-6
    dropouts = rng.beta(*DROPOUT, n)
    spends = rng.lognormal(3.6, 0.75, n) * np.where(wholesale, 4.0, 1.0)
    people = [
        _person(
            first_id + index,
            float(arrivals[index]),
            COUNTRIES[countries[index]],
            GROUPS[groups[index]],
            (True, False, None)[consent[index]],
            bool(guest[index]),
            draws[index].tolist(),
        )
        for index in range(n)
    ]
    return people, (rates, dropouts, spends)


def _person(
    customer_id: int,
    arrival: float,
    country: tuple[Any, ...],
    group: tuple[int, str, float],
    consent: bool | None,
    guest: bool,
    draws: list[int],
) -> Customer:
    code, country_name, _, offset, state, state_name, cities, dial = country
    firsts, lasts = FIRST_NAMES.get(code, FIRST_NAMES[""]), LAST_NAMES.get(code, LAST_NAMES[""])
    first, last = firsts[draws[0] % len(firsts)], lasts[draws[1] % len(lasts)]
    email = f"customer{customer_id}@mail.example"
    since = api_time(datetime.fromtimestamp(arrival, UTC), offset)
    business = group[1] == "Wholesale"
    customer = Customer(
        id=customer_id,
        name=f"{first} {last}",
        email=email,
        registered=since,
        updated=since,
        customer_group_id=group[0],
        customer_group_name=group[1],
        tax_id=f"{code}{draws[2] % 10**9:09d}" if business else "",
        tax_id_valid=business or None,
        b2b_b2c="b2b" if business else "b2c",
        tax_exempt=business and draws[3] % 5 == 0,
        accept_marketing=consent,
        lang=LANGUAGES.get(code),
        contacts=[Contact(id=customer_id * 10, contact=email, type="EMAIL", default=True, order_by=0, timestamp=since)],
        favorites=[],
        private_admin_notes="",
    )
    if guest:
        return customer
    person = Person(
        name=f"{first} {last}",
        first_name=first,
        last_name=last,
        company_name=f"{last} & Co" if business else None,
        street=f"{draws[2] % 180 + 1} High Street",
        city=cities[draws[3] % len(cities)],
        country_code=code,
        country_name=country_name,
        postal_code=f"{draws[2] % 100_000:05d}",
        state_or_province_code=state or None,
        state_or_province_name=state_name or None,
        phone=f"{dial} {draws[3] % 10**8:08d}",
    )
    customer.billing_person = person
    fields = {name: getattr(person, name) for name in person.__struct_fields__}
    customer.shipping_addresses = [
        ShippingAddress(
            **fields, id=customer_id * 10 + number, default_address=number == 0, order_by=number, created_date=since
        )
        for number in range(1 + draws[0] % 5 // 4)
    ]
    if draws[1] % 3 == 0:
        customer.contacts = [
            *(customer.contacts or []),
            Contact(
                id=customer_id * 10 + 1, contact=person.phone, type="PHONE", default=True, order_by=1, timestamp=since
            ),
        ]
    return customer


def _nasty(ids: list[int], rng: np.random.Generator) -> dict[int, dict[str, Any]]:
    """Choose a few customers whose JSON is not as it should be, one in about 700."""
    kinds: list[dict[str, Any]] = [
        {"stats": {"numberOfOrders": 2, "salesValue": "97.50", "averageOrderValue": 48.75}},
        {"billingPerson": {"name": "Nowhere Man", "countryCode": "ZZ"}},
        {"stats": {"numberOfOrders": 3, "salesValue": 90, "averageOrderValue": 45}},
        {"registered": "06/06/2014"},
        {"name": "Zoë 🦊 \u202eevil\u202c <b>bold</b>", "loyaltyTier": {"name": "gold", "points": 120}},
        {
            "stats": {
                "numberOfOrders": 0,
                "salesValue": 0,
                "averageOrderValue": 0,
                "lastOrderDate": "2025-01-01 00:00:00 +0000",
            }
        },
        {"contacts": [{"id": 1, "contact": "@fox", "type": "MASTODON", "default": False}]},
    ]
    chosen = rng.choice(len(ids), min(len(ids) // 100, len(ids) // 700 + len(kinds)), replace=False)
    return {ids[index]: kinds[number % len(kinds)] for number, index in enumerate(sorted(chosen.tolist()))}
