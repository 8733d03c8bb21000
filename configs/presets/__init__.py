"""Other libraries' "grpo" with their default numbers, one file each."""
