"""A table that follows a file. Knows no command, prints nothing."""
