"""A shop on this machine that speaks the customers API: `serve` starts it."""

try:
    import werkzeug as _werkzeug  # noqa: F401
except ModuleNotFoundError:
    from custlens.errors import ConfigError

    raise ConfigError("the demo shop needs werkzeug: pip install 'custlens[demo]'") from None

from custlens.demo.churn import Churn
from custlens.demo.faults import FLAWS, Faults, Lies
from custlens.demo.population import Event, Population
from custlens.demo.server import Shop, serve

__all__ = ["FLAWS", "Churn", "Event", "Faults", "Lies", "Population", "Shop", "serve"]
