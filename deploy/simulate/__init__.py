"""The simulator at work: gigs read from files or from the ledger, measured side by side, and told as a report."""
