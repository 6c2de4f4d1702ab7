"""What gradients are taken of: who meets whom, a point among the parameters, outputs, and the run between them."""
