"""The languages of the back-ends, as the adapters need them: what is said over a socket, and how answers are read."""
