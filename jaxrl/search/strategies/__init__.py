"""Which rows of a search go on: pure functions of their scores."""
