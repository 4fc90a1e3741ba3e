"""Each instance's look as a vector: collected with the encoder, clustered for each class, saved as a bank."""
