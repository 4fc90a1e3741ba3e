"""How good synthesized images are: segmentation scores by a PSPNet, beside those of real photos."""
