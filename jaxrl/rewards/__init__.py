"""One reward or shaping term per file; the file and the function share a name."""
