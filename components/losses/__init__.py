"""The losses of Wang et al. 2018: adversarial, feature matching and perceptual."""
