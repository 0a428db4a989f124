"""What the sections share: who asks, what is read, how an answer is made. Knows Flask, knows no section."""
