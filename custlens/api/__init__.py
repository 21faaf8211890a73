"""Speaks the shop's REST API: answers become records, failures become custlens errors."""
