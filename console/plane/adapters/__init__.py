"""Adapters: one file a back-end, each keeping the contract of `plane.backends`, all listed in `table`."""
