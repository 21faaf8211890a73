"""MBG/NBD: a customer may stop after each order, the first one included.

Source: Batislam, Denizel and Filiztekin (2007), "Empirical validation and comparison of models for customer base
analysis", International Journal of Research in Marketing 24(3).
"""

from __future__ import annotations

from custlens.analysis.lifetime._beta_geometric import BetaGeometric

__all__ = ["MBG_NBD"]

MBG_NBD = BetaGeometric(stops_after_first_order=True)
