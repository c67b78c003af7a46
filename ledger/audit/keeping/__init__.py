"""What an audit remembers, to go on from where it came to."""
