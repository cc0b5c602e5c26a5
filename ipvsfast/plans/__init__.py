"""From a wanted table to a plan, and its true account once carried out. Knows no command, prints nothing."""
