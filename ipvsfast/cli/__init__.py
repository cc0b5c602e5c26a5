"""The command line: one thin skin over all other rooms, none of which may know it."""
