"""The range: an AI service under load with faults to inject, obeying real switches and emitting real telemetry.

Two processes: the supervisor (`run`, `supervisor`, `load`, `range_api`) keeps the gateway process (`gateway_process`,
`datapath`, `control`) alive and sends it real requests over the loopback. Both speak plain HTTP, so a bare control call
and its proof take no code of ours, only the ready line and the tokens the range was started with:

    PUT  {url}/control/switches/FF_TENANT_BLOCK/tenant.borealis     Authorization: Bearer CONTROL_TOKEN
         {"want": "stopped", "generation": 1, "command_id": "...", "expires": "2026-01-31T14:02:11.000000Z"}
    POST {url}/v1/chat                                              X-Probe: PROBE_TOKEN
         {"tenant": "tenant.borealis", "surface": "surface.assistant", "region": "region.north", "input": "?",
          "max_tokens": 1}
         200 while it runs; 403 {"kind": "switched_off", "command_id": ...} once it is stopped

A probe adds `"hold": true` for a stream that stays open until it is cut, and `"needs": [...]` for what a narrow switch
takes away: the id of a tool, model, index or segment, or an ability by its word (`effects` is the table of all). An
answer whose user goes without something says so in the `notice` of its last event.

A request that names a `workflow` is held to the caps of data/switches (429 `over_budget` names the one it meets),
`"cache": true` lets the semantic cache answer, and `POST /v1/ingest` writes a document into an index.
"""
