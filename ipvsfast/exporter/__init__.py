"""Metrics over HTTP: readings of the table as an exposition, and a server for it; knows no command line."""
