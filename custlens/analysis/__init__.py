"""Turns tables into statistics. Written against Narwhals: the same function takes pandas, Polars or DuckDB frames."""
