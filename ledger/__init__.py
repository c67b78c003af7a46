"""What is owed, written down and provable."""
