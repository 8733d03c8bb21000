"""One file per named method or recipe: paper, command and what to expect."""
