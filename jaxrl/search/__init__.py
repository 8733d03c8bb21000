"""Test-time search: strategies are pure functions, the loop takes them as arguments."""
