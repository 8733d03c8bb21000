"""The decoder and its heads, loaders and tokenizer. Imports nothing from `jaxrl`."""
