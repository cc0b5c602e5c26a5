"""Numbers over time: timed readings of the table and their differences; knows no text and no command line."""
