"""The customers of the demo shops: a generated shop, and a real one.

The generated shop buys as the BG/NBD model says (Fader, Hardie and Lee 2005): each customer orders at a rate of their
own (gamma distributed) and drops out after any order with a probability of their own (beta distributed). What they
spend per order is lognormal around a heavy-tailed mean of their own. December is busier, and the shop grows.
"""

from __future__ import annotations

import csv
import functools
import importlib.resources
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta, timezone
from typing import Any, NamedTuple

import numpy as np
from msgspec.structs import replace

from custlens._arguments import Moment, moment, nearest, number, shown
from custlens.api.records import Contact, Customer, Person, ShippingAddress, Stats
from custlens.errors import ArgumentError

__all__ = ["Event", "Population", "api_seconds", "api_time", "cdnow", "generated"]

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


class Event(NamedTuple):
    """Something that happened in the shop."""

    time: datetime
    kind: str
    """``add``, ``delete``, ``edit``, ``order`` or ``refund``."""
    customer_id: int


@dataclass
class Population:
    """The customers of a shop, and what is needed to simulate them further.

    Attributes
    ----------
    customers : dict of int to Customer
        By customer ID.
    now : datetime
        The shop's clock.
    currency : str
        ISO 4217 code of the amounts.
    orders_move_updated : bool
        Whether an order moves a customer's `updated`. The API's documentation says both.
    patches : dict of int to dict or bytes
        What is wrong with the JSON of some customers: fields to replace (None removes one), or the JSON of a further
        field exactly as it is to be sent. `custlens.demo.FLAWS` has examples.
    deleted : list of (int, datetime)
        Who was deleted and when.
    log : list of Event
        Everything that the methods below did.
    """

    customers: dict[int, Customer]
    now: datetime
    currency: str
    orders_move_updated: bool = False
    patches: dict[int, dict[str, Any] | bytes] = field(default_factory=dict)
    deleted: list[tuple[int, datetime]] = field(default_factory=list)
    log: list[Event] = field(default_factory=list)
    rng: np.random.Generator = field(default_factory=lambda: np.random.default_rng(7))
    traits: dict[int, tuple[float, float, float, bool]] = field(default_factory=dict)
    """Orders per day, probability of dropping out after an order, mean spend, and whether still a customer."""

    def __post_init__(self) -> None:
        self._next_id = max(self.customers, default=FIRST_ID - 1) + 1

    def advance(self, days: float) -> None:
        """Let time pass: new customers, orders, edits, deletions."""
        start, self.now = self.now, self.now + timedelta(days=number("days", days, above=0))
        self._buy(start, days)
        regulars = list(self.customers)
        for _ in range(self.rng.poisson(len(regulars) * days / 900)):
            self.add(start + timedelta(days=float(self.rng.uniform(0, days))))
        for customer_id in self._some(regulars, days / 200):
            self.edit(customer_id, private_admin_notes=f"called on {self.now:%d %B %Y}")
        for customer_id in self._some(regulars, days / 1500):
            self.delete(customer_id)

    def add(self, when: datetime | None = None, *, customer_id: int | None = None) -> int:
        """Register a customer, who orders at once; return the ID, which is a new one by default."""
        when = when or self.now
        if customer_id in self.customers:
            raise ArgumentError(f"customer_id must be one that is not used yet, and there is a customer {customer_id}")
        (new_id,), (rates, dropouts, spends) = self._register(when, 1, customer_id)
        self.traits[new_id] = (float(rates[0]), float(dropouts[0]), float(spends[0]), True)
        self.order(new_id, float(np.round(spends[0], 2)), when)
        return new_id

    def add_many(self, count: int, *, without_email: float = 0.0) -> list[int]:
        """Register customers in one second, as an import does; return their IDs.

        Parameters
        ----------
        count : int
            How many. None of them has ordered.
        without_email : float
            Share of them who have no email address.
        """
        ids, _ = self._register(self.now, count)
        for customer_id in ids[: round(count * without_email)]:
            self.customers[customer_id].email = None
        return ids

    def edit(self, customer_id: int, **fields: Any) -> None:
        """Set fields of a customer, as the merchant would; this moves `updated`."""
        customer = self._one(customer_id)
        for name in fields:
            if name not in Customer.__struct_fields__:
                raise ArgumentError(f"a customer has no field {name!r}; {nearest(name, Customer.__struct_fields__)}")
        for name, value in {"updated": api_time(self.now, 0), **fields}.items():
            setattr(customer, name, value)
        self.log.append(Event(self.now, "edit", customer_id))

    def order(self, customer_id: int, amount: float, when: datetime | None = None) -> None:
        """Place an order, now or at an earlier time (an order placed yesterday counts when it is paid today)."""
        customer = self._one(customer_id)
        stats = customer.stats or Stats(number_of_orders=0, sales_value=0)
        orders = (stats.number_of_orders or 0) + 1
        sales = round((stats.sales_value or 0) + amount, 2)
        placed = api_time(when or self.now, _offset(stats.first_order_date))
        customer.stats = Stats(
            number_of_orders=orders,
            sales_value=sales,
            average_order_value=round(sales / orders, 2),
            first_order_date=min(stats.first_order_date or placed, placed, key=api_seconds),
            last_order_date=max(stats.last_order_date or placed, placed, key=api_seconds),
        )
        if self.orders_move_updated:
            customer.updated = api_time(self.now, 0)
        self.log.append(Event(when or self.now, "order", customer_id))

    def refund(self, customer_id: int, amount: float) -> None:
        """Pay back a part of what a customer has spent: no date moves."""
        customer = self._one(customer_id)
        stats = customer.stats
        if stats is None or not stats.number_of_orders:
            raise ArgumentError(f"customer_id must be that of a customer who has ordered, and {customer_id} has not")
        sales = round((stats.sales_value or 0) - amount, 2)
        average = round(sales / stats.number_of_orders, 2)
        customer.stats = replace(stats, sales_value=sales, average_order_value=average)
        self.log.append(Event(self.now, "refund", customer_id))

    def delete(self, customer_id: int) -> None:
        """Delete a customer."""
        self._one(customer_id)
        del self.customers[customer_id]
        self.patches.pop(customer_id, None)
        self.traits.pop(customer_id, None)
        self.deleted.append((customer_id, self.now))
        self.log.append(Event(self.now, "delete", customer_id))

    def _one(self, customer_id: int) -> Customer:
        customer = self.customers.get(customer_id)
        if customer is None:
            raise ArgumentError(f"customer_id must be the ID of a customer of this shop, not {shown(customer_id)}")
        return customer

    def _buy(self, start: datetime, days: float) -> None:
        """Let the customers who are still there order, at their own rates."""
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

    def _register(
        self, when: datetime, count: int, first_id: int | None = None
    ) -> tuple[list[int], tuple[np.ndarray, np.ndarray, np.ndarray]]:
        if first_id is None:
            while not self.customers.keys().isdisjoint(range(self._next_id, self._next_id + count)):
                self._next_id += 1
            first_id = self._next_id
        self._next_id = max(self._next_id, first_id + count)
        people, traits = _people(self.rng, np.full(count, when.timestamp()), first_id)
        ids = list(range(first_id, first_id + count))
        for customer_id, person in zip(ids, people, strict=True):
            person.stats = Stats(number_of_orders=0, sales_value=0, average_order_value=0)
            self.customers[customer_id] = person
            self.log.append(Event(when, "add", customer_id))
        return ids, traits

    def _some(self, ids: list[int], share: float) -> list[int]:
        return [
            i for i, drawn in zip(ids, self.rng.random(len(ids)) < share, strict=True) if drawn and i in self.customers
        ]


def generated(customers: int = 5_000, seed: int = 7) -> Population:
    """Return a generated shop, always the same one for a seed."""
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


def cdnow(until: Moment | None = None) -> Population:
    """Return the real shop: 2,357 customers of CDNOW as they stood at the end of a day, at the latest 30 June 1998.

    The data set has only orders: a customer is taken to have registered on the day of the first order, and the email
    address is made up from the number.
    """
    now = CDNOW_NOW if until is None else datetime.combine(moment("until", until), CDNOW_NOW.time(), UTC)
    if not CDNOW_FIRST <= now <= CDNOW_NOW:
        raise ArgumentError(
            f"until must be a day from {CDNOW_FIRST:%Y-%m-%d} to {CDNOW_NOW:%Y-%m-%d}, not {shown(until)}"
        )
    path = importlib.resources.files("custlens.demo") / "data" / "cdnow_sample_orders.csv"
    orders: dict[int, list[tuple[str, float]]] = {}
    with path.open(encoding="utf-8") as file:
        for row in csv.DictReader(file):
            if row["date"] <= f"{now:%Y-%m-%d}":
                orders.setdefault(int(row["customer"]), []).append((row["date"], float(row["amount_usd"])))
    customers = {}
    for customer_id, placed in orders.items():
        first, last = min(placed)[0], max(placed)[0]
        sales = round(sum(amount for _, amount in placed), 2)
        name = f"CDNOW customer {customer_id}"
        customers[customer_id] = Customer(
            id=customer_id,
            name=name,
            email=f"customer{customer_id}@cdnow.example",
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
    """Return a time as the API writes it, ``2014-06-06 18:57:19 +0400``."""
    return when.astimezone(timezone(timedelta(hours=offset_hours))).strftime("%Y-%m-%d %H:%M:%S %z")


@functools.lru_cache(maxsize=1_000_000)
def api_seconds(text: str | None) -> float:
    """Return a time of the API as UNIX seconds; minus infinity if it is missing."""
    if not text:
        return float("-inf")
    if len(text) != len("2014-06-06 18:57:19 +0400") or text[19] != " ":
        raise ValueError(f"not a time of the API: {text}")
    return datetime.fromisoformat(text[:19] + text[20:]).timestamp()  # ten times faster than strptime


def _offset(text: str | None) -> int:
    return int(text[-5:-2]) if text else 0


def _purchases(
    rng: np.random.Generator, arrivals: np.ndarray, rates: np.ndarray, dropouts: np.ndarray, spends: np.ndarray
) -> tuple[np.ndarray, ...]:
    """Draw the orders of all customers, one order of each per round, on a clock that runs faster in December."""
    clock = np.arange(SHOP_OPENED.timestamp(), SHOP_NOW.timestamp() + DAY, DAY)
    december = np.array([datetime.fromtimestamp(day, UTC).month == 12 for day in clock])
    busy = np.concatenate([[0.0], np.cumsum(np.where(december, DECEMBER, 1.0))[:-1]])
    end = SHOP_NOW.timestamp()
    n = len(arrivals)
    orders, sales = np.zeros(n, "int64"), np.zeros(n)
    firsts, lasts = np.full(n, np.inf), np.zeros(n)
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
        firsts[active] = np.minimum(firsts[active], when)
        lasts[active] = np.maximum(lasts[active], when)
        dropped = rng.random(len(active)) < dropouts[active]
        alive[active[dropped]] = False
        active = active[~dropped]
        first_round = False
    return lasts, orders, sales, firsts, alive


def _people(
    rng: np.random.Generator, arrivals: np.ndarray, first_id: int
) -> tuple[list[Customer], tuple[np.ndarray, np.ndarray, np.ndarray]]:
    """Return customers, with their order rates, dropout probabilities and mean spends."""
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


def _nasty(ids: list[int], rng: np.random.Generator) -> dict[int, dict[str, Any] | bytes]:
    """Choose a few customers, about one in 700, and what is wrong with their JSON."""
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
