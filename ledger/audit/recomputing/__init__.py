"""All that a journal says worked out again from its facts alone, and compared bit for bit."""
