"""What happens in a demo shop between one request and the next."""

from __future__ import annotations

import string
from dataclasses import dataclass, field
from datetime import timedelta

import numpy as np

from custlens.demo.population import Population
from custlens.errors import ArgumentError

__all__ = ["Churn"]


@dataclass
class Churn:
    """What happens in a shop while it is read.

    Before each request the shop's clock moves on by `seconds_per_request`, without waiting, and in that time
    events happen at the given rates, as a Poisson process. A seed and a number of requests always give the same
    events; `Shop.log` lists them.

    Attributes
    ----------
    add, delete, edit, order : float
        Events per second of the shop's clock. An edit changes the customer's name.
    seconds_per_request : float
        Seconds of the shop's clock between two requests.
    reuse_ids : bool
        Whether a new customer gets the ID of a deleted one, if there is one.
    seed : int
        Seed of the events.

    Examples
    --------
    >>> import custlens as cl
    >>> with cl.demo.serve("cdnow", churn=cl.demo.Churn(delete=2, order=1)) as shop:
    ...     found = list(shop.client().search())
    ...     sorted({event.kind for event in shop.log})
    ['delete', 'order']
    """

    add: float = 0.0
    delete: float = 0.0
    edit: float = 0.0
    order: float = 0.0
    seconds_per_request: float = 1.0
    reuse_ids: bool = False
    seed: int = 7
    _rng: np.random.Generator = field(init=False, repr=False)
    _ids: list[int] = field(init=False, repr=False, default_factory=list)
    _free: list[int] = field(init=False, repr=False, default_factory=list)

    def __post_init__(self) -> None:
        self._rates = np.array([self.add, self.delete, self.edit, self.order])
        if (self._rates < 0).any() or self.seconds_per_request < 0:
            raise ArgumentError(f"churn must be rates and seconds from 0, not {self}")
        self._rng = np.random.default_rng(self.seed)

    def pass_time(self, population: Population) -> None:
        """Let the time of one request pass."""
        if not self._ids:
            self._ids = list(population.customers)
        start, seconds = population.now, self.seconds_per_request
        counts = self._rng.poisson(self._rates * seconds)
        kinds = (self._add, self._delete, self._edit, self._order)
        events = [event for event, count in zip(kinds, counts, strict=True) for _ in range(count)]
        self._rng.shuffle(events)
        for event, at in zip(events, np.sort(self._rng.uniform(0, seconds, len(events))), strict=True):
            population.now = start + timedelta(seconds=float(at))
            event(population)
        population.now = start + timedelta(seconds=seconds)

    def _add(self, population: Population) -> None:
        again = self._free.pop() if self.reuse_ids and self._free else None
        self._ids.append(population.add(customer_id=again))

    def _delete(self, population: Population) -> None:
        if (customer_id := self._somebody(population)) is not None:
            population.delete(customer_id)
            self._free.append(customer_id)

    def _edit(self, population: Population) -> None:
        if (customer_id := self._somebody(population)) is not None:
            letter = string.ascii_uppercase[self._rng.integers(26)]
            population.edit(customer_id, name=f"{letter}. Renamed")

    def _order(self, population: Population) -> None:
        if (customer_id := self._somebody(population)) is not None:
            population.order(customer_id, float(np.round(self._rng.lognormal(3.5, 0.7), 2)))

    def _somebody(self, population: Population) -> int | None:
        """Return the ID of a random customer, or None if there is nobody."""
        while self._ids:
            place = int(self._rng.integers(len(self._ids)))
            if self._ids[place] in population.customers:
                return self._ids[place]
            self._ids[place] = self._ids[-1]
            self._ids.pop()
        return None
