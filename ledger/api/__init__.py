"""The HTTP API: balances, entries, explanations, schemes, checkpoints."""
