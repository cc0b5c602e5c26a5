"""Rules carried out in order, or as a whole table; what writers share. Knows no command, prints nothing."""
