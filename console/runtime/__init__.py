"""The desk's threads: one writer, query-only readers, sync, commands, telemetry. No Qt; callbacks are plain functions.

A callback runs on the thread that has the news and must return at once; the bridge hands it to the screen.
"""
