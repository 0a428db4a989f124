"""Benchmarks: `./dev bench [name]`. Each module here with a plain name has a `run()` that prints its results."""
