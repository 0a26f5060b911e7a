"""Canonical form, signatures, chains and trees; pure functions over bytes, with keys and randomness as arguments."""
