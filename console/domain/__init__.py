"""The rules of incident command; nothing in here may read a clock, a file, a socket or a random source."""
