"""Scores of the steps of a response -> one number."""
