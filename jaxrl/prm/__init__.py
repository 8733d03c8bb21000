"""Process reward models: how they are labelled, trained, scored and used."""
