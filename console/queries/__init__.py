"""Everything a screen shows, one noun each: `noun(reader, ...) -> frozen dataclass`; no network, no clock."""
