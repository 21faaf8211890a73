"""BG/NBD: a customer may stop after each repeat order, so every one-time buyer counts as still a customer.

Source: Fader, Hardie and Lee (2005), "'Counting your customers' the easy way", Marketing Science 24(2).
"""

from __future__ import annotations

from custlens.analysis.lifetime._beta_geometric import BetaGeometric

__all__ = ["BG_NBD"]

BG_NBD = BetaGeometric(stops_after_first_order=False)
