"""custlens: who are this store's customers, what are they worth, and who is slipping away?

Fetching
    Client         reads one store's customers over its REST API
    fetch          customers → validated tables
    Customer, Person, ShippingAddress, Contact, Stats   the records, as the API has them
    CustomerTables customers, addresses, contacts, rejects and a report
    Store          the local store: sync in, tables out, as of any earlier sync
    schemas        the tables' declarations: columns, dtypes, checks, personal data

Understanding
    orders         summary, distributions, concentration, order dates, breakdowns, comparison, data quality
    segments       RFM scores, named segments, how they move, audiences that may be mailed
    cohorts        first-order cohorts: how many came back, and what they brought
    lifetime       who will order again, how often, for how much: BG/NBD, MBG/NBD and Gamma-Gamma
    results        the schema of every result
    plot           one function a chart

Using
    widgets        Lookup: find a customer and read the card
    report         a notebook with parameters → one HTML file
    mask           hide personal data in a table
    demo           a store on this machine, to try all of it without a token

Errors are listed in `custlens.errors`. Submodules are loaded when they are first used.
"""

import lazy_loader

__version__ = "0.1.0"

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
