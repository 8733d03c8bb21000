"""NumPy references, written from the papers with loops over scalars.

One file a stage; a function's name is the method's. A reference takes plain arrays and
Python numbers and knows nothing of the library.
"""
