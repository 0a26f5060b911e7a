"""Store <-> plane: pure step functions for events and for kill commands, and the drivers that carry them out."""
