"""The networks of Wang et al. 2018: generator, discriminators, feature encoder, instance-wise pooling."""
