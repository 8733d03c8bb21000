"""Which rows and tokens train; the file and the function share a name."""
