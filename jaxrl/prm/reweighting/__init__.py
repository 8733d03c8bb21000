"""What was learnt of rows -> how much each counts in the loss; see `prm.bilevel`."""
