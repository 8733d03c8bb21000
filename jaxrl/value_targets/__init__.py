"""What the critic learns to predict; the file and the function share a name."""
