"""A transparency log over any bytes: RFC 6962 trees, signed notes, checkpoints. Knows nothing of gigs."""
