"""Tests: a folder for each part of the application, and architecture, journeys (real browser), faults."""
