"""Speaks the store's REST API: answers become records, failures become errors of ours."""
