"""Where a response is cut: its tokens -> the number of each one's step. Host code."""
