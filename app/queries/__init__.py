"""The reads: (session, actor or id, filters) → frozen rows or values of the domain."""
