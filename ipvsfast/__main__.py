"""python -m ipvsfast"""

from .cli.start import run

run("ipvsfast")
