"""Factories: functions with sound defaults, one module for each subject; a test names only what matters to it.

All of them act through the application's own verbs where there is one, and may be called with or without a context.
"""
