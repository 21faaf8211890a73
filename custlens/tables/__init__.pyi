"""What other rooms use of the tables; each name is loaded when it is first used."""

from . import schemas as schemas
from ._arrow import convert as convert
from ._arrow import frame_of as frame_of
from ._builder import Built as Built
from ._builder import TableBuilder as TableBuilder
from .customer_tables import CustomerTables as CustomerTables
from .customer_tables import FetchReport as FetchReport
from .export import export as export
from .export import mask as mask
from .fetch import fetch as fetch
from .search import Matches as Matches
from .search import SearchIndex as SearchIndex
from .search import marked as marked
