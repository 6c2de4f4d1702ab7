"""The centre of a calibration between real parties: who fits the model by sums of institutions' gradients."""
