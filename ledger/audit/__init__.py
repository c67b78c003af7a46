"""Verification without trust: checks over evidence give findings, numbered by law."""
