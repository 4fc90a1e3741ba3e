"""How good synthesized images are: a PSPNet's scores beside those of real photos, distances and diversity."""
