"""Terms added to the loss; file and function share a name (`types.RegularizerFn`)."""
