"""The live screen as lines of text, and what keys do to it; knows no terminal, no kernel and no clock."""
