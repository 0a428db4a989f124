"""Made-up data: what a demo shows, and bulk rows to measure with. Every invariant of `flask check` holds for them."""
