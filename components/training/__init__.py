"""One optimisation step, the loop around it, its schedule, its phases and its checkpoints."""
