"""Reinforcement learning for language models with verifiable and process rewards."""
