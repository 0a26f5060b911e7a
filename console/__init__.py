"""The AI incident console: a desk for people who respond to incidents of AI systems.

Importing this package costs nothing and reads nothing; `console.cli` is the way in.
"""

__version__ = "0.1.0"
