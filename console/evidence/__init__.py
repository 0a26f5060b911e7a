"""The sealed package: capture under encryption, seal, export, verification, and hostile text made safe to look at."""
