"""Weights over time: destinations drained, taken back and ramped. Knows no command, prints nothing."""
