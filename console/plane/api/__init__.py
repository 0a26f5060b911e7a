"""The plane's `/v1` over HTTP: one module a concern, each with a `router`; rules live elsewhere.

Every answer carries `epoch`, `server_time` and `request_id`; every refusal is an RFC 9457 problem.
"""
