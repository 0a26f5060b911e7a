"""The desk's outside: the plane, other sources and the system's keyring.

Nothing here is reached by actions or queries, not even indirectly; sync and runtime drive it, screens never do.
"""
