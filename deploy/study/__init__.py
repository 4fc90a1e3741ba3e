"""A study in the browser: which of two pictures do people find more real?"""
