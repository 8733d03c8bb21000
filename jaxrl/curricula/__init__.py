"""Which problems come next; the file and the class factory share a name.

`name(task, seed, *, hyper-parameters)` gives an object without mutable state:
  init() -> state                       JSON-able, saved in every checkpoint
  draw(state, count) -> problems, state
  observe(state, problems, rewards) -> state   after the rewards are known
"""
