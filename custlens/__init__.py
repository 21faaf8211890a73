"""custlens: who are this shop's customers, what are they worth, and who is slipping away?

Fetching
    Client          reads the customers of one shop over its REST API
    fetch           reads customers into validated tables
    Customer, Person, ShippingAddress, Contact, Stats   the records, as the API has them
    CustomerTables  customers, addresses, contacts, rejects, and a FetchReport
    Store           keeps the customers of one shop on disk: sync, then read them as of any earlier sync
    schemas         the declarations of the tables: columns, dtypes, checks, personal data

Understanding
    orders          summary, distributions, concentration, order dates, breakdowns, comparison, data quality
    segments        RFM scores, named segments, migration between them, audiences that may be mailed
    cohorts         cohorts by first order: how many came back, and what they brought
    lifetime        who will order again, how often, and for how much: BG/NBD, MBG/NBD and Gamma-Gamma
    results         the schema of every result
    plot            one function per chart

Using
    widgets         Lookup: find a customer and read the card
    report          runs a notebook with parameters and writes one HTML file
    mask            hides personal data in a table
    demo            a shop on this machine, to try everything without a token

Errors are listed in `custlens.errors`. Each name is loaded when it is first used.
"""

import lazy_loader

__version__ = "0.1.0"

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
