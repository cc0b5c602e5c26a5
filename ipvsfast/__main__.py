"""python -m ipvsfast"""

from .cli.main import run

run()
