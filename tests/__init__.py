"""The tests: a package, so that no other of this name on the path comes first."""
