"""What the web applications of `deploy` share: headers and limits, and how they tell of errors."""
