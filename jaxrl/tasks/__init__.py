"""Sources of problems, one file each: `tasks/NAME.py` holds `NAME(...) -> Task`."""
