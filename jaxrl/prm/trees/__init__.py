"""Problems -> the solutions that get labels, and what is found out on the way.

A rule is host code: (labeller, numbered problems) -> for each problem its solutions as
`written.Written`, with the evidence that a rule of `prm/labels` reads. `none` samples
them apart from each other and asks what `prm/queries` wants to know, `unprm` too, of
those that it chooses; the others grow trees (`prm/grow`, `prm/grove`) and fill in
`values`, or what they have completed.
"""
