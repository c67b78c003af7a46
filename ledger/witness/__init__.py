"""A witness for any C2SP log: what it has cosigned, which logs it knows, the HTTP it speaks. Knows nothing of gigs."""
