"""Arrays that methods name, made from other arrays; file and function share a name."""
