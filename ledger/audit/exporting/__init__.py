"""A folder from which all can be verified, written, served, and held against what it says of itself."""
