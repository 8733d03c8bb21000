"""One credit rule per file; file and function share a name (`types.AdvantageFn`)."""
