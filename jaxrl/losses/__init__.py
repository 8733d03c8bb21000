"""One policy loss per file; the file and the function share a name (`types.LossFn`)."""
