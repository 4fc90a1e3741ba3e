"""The library: data, networks, losses, training, styles, evaluation, export and inference."""
