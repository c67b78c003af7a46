"""Writes `contracts/vectors/`: every format of the log and of the entry as examples, good and bad, for other verifiers.

`python -m ledger.vectors` writes the files; a test fails when the committed ones differ, and another runs each case
against the door that reads its format. What the files mean stands in contracts/vectors/README.md.
"""
