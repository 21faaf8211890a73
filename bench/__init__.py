"""Side-by-side benchmarks: the same work, in the same run, against a named peer."""
