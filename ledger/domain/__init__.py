"""The law of contributions as pure functions: no clock, no network, no disk; standard library only."""
