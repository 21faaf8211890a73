"""Turns records into validated pandas tables."""
