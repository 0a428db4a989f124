"""The rules of the business: pure functions and values, no clock, no database, no framework."""
