"""A shop on this machine that speaks the customers API: `serve` starts it."""

try:
    import werkzeug as _werkzeug  # noqa: F401
except ModuleNotFoundError:
    from custlens.errors import ConfigError

    raise ConfigError("the demo shop needs werkzeug: pip install 'custlens[demo]'") from None

from custlens.demo.churn import Churn
from custlens.demo.faults import Faults
from custlens.demo.server import Shop, serve

__all__ = ["Churn", "Faults", "Shop", "serve"]
