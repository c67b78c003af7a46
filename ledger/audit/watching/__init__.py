"""Following logs from outside, with what was seen kept as evidence."""
