"""Questions to the connection table: filter, count, sample. Knows no option of a command; prints nothing."""
