"""The peers of `bench.sync`: each a script that brings a store of its own up to date, and can read it again."""
