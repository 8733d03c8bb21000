"""Which prefix of a solution is to be completed next. Host code."""
