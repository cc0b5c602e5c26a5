"""What applies have done, written before they begin, and the way back. Knows no command, prints nothing."""
