"""The learning rate over a phase (Wang et al. 2018, appendix)."""


def rate_factor(epoch: int, *, epochs: int, epochs_decay: int) -> float:
    """Share of the learning rate in an epoch, counted from 0: 1, then linearly falling to zero.

    The first epoch of the decay still has the whole rate and the last 1 / `epochs_decay` of it, as published.
    """
    return min(1.0, (epochs - epoch) / epochs_decay) if epochs_decay else 1.0
