"""What a model says behind each step -> how likely the step is right, 0..1."""
