"""How Iuran runs and whom it trusts: the command line, the embedded stack, the demo, the bench."""
