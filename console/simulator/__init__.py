"""The range: an AI service under load with faults to inject, obeying real switches and emitting real telemetry."""
