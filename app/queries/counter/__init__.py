"""What the counter shows: the order or battery behind an answer, whom digits fit, the day around it, the log."""
