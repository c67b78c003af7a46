"""What stands outside the ledger's own store, and must agree with it: the broker's topics, what was kept by others."""
