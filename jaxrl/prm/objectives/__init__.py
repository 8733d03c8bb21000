"""What a process reward model minimises: per-token losses, as in `losses`."""
