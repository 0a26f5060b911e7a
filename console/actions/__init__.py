"""Everything a person can do, one verb each: `verb(record, ..., actor, now) -> Changes`, without a network.

A verb opens one transaction, checks its rule again against the database inside it, and appends; when a rule is not met
it raises and nothing is written.
"""
