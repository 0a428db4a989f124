"""Tests of the adapters; the WeChat of `there` is theirs alone."""
