"""NumPy references, written from the papers with loops over scalars.

`references/<stage>/<name>.py` is of the method `<name>`. It has

  <name>(*arrays, **hparams)  the arrays that the method names, as float64 NumPy arrays,
                              and its hyper-parameters; gives the method's array (of a
                              reduction: the scalar that `losses`, put first, become)
  CASES                       hyper-parameters to compare under, [{}] without it
  gradient(weights, *arrays, **hparams)  of terms in which something is detached: the
                              derivative of sum(weights * term) with respect to logp,
                              or a dict by name; else central differences serve
  REINFORCE                   of losses: True where the gradient at pi = pi_old is that
                              of -A log pi, token by token (else say what it is)

A reference knows nothing of the library.
"""
