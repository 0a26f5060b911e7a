"""Everything a screen shows, one noun each: `noun(reader, ...) -> frozen dataclass`; read-only, no network, no clock."""
