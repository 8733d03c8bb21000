"""Arrays that methods name and that are made from other arrays; file and function share a name."""
