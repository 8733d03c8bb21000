"""How the rows of a batch come about: problems -> responses with verdicts."""
