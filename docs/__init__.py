"""The documentation's sources, and what builds it."""
