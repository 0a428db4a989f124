"""The acts of the business: one function each, one transaction each."""
