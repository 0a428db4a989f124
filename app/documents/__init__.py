"""Rows in, bytes out: what is printed or handed to another program."""
