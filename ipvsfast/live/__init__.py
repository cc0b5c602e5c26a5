"""The live screen on a terminal, by the package textual (extra `live`); knows no kernel, no command line."""
