"""What runs a trained model or starts training elsewhere: launch files, the command line of a bundle."""
