"""The public names of custlens; each is loaded when it is first used."""

from . import demo as demo
from . import errors as errors
from . import plot as plot
from . import report as report
from . import widgets as widgets
from .analysis import cohorts as cohorts
from .analysis import lifetime as lifetime
from .analysis import orders as orders
from .analysis import results as results
from .analysis import segments as segments
from .api.client import Client as Client
from .api.records import Contact as Contact
from .api.records import Customer as Customer
from .api.records import Person as Person
from .api.records import ShippingAddress as ShippingAddress
from .api.records import Stats as Stats
from .errors import APIError as APIError
from .errors import ArgumentError as ArgumentError
from .errors import BadRequestError as BadRequestError
from .errors import ConfigError as ConfigError
from .errors import CustlensError as CustlensError
from .errors import CustlensWarning as CustlensWarning
from .errors import DataError as DataError
from .errors import DecodeError as DecodeError
from .errors import NotFoundError as NotFoundError
from .errors import PermissionDeniedError as PermissionDeniedError
from .errors import PlanError as PlanError
from .errors import RateLimitError as RateLimitError
from .errors import ServerError as ServerError
from .errors import StoreError as StoreError
from .errors import SyncError as SyncError
from .errors import TransportError as TransportError
from .errors import ValidationError as ValidationError
from .store.store import Store as Store
from .store.sync import SyncProgress as SyncProgress
from .store.sync import SyncReport as SyncReport
from .tables import schemas as schemas
from .tables.customer_tables import CustomerTables as CustomerTables
from .tables.customer_tables import FetchReport as FetchReport
from .tables.export import mask as mask
from .tables.fetch import fetch as fetch

__version__: str
