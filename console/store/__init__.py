"""The desk's record on disk: SQLite, write-once blobs, and the checks that say whether both are still what was signed.

Nothing in here reads a clock, draws randomness or holds a secret of its own: device key, clock, ids and encryption are
handed in. Open a store with `console.store.opening.open_store`.
"""
