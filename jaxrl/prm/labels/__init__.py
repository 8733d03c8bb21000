"""What is known of a solution -> how good each of its steps is. Host code."""
