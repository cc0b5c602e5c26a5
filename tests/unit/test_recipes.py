"""The recipe for tests without a kernel needs none."""

from pathlib import Path

from support.recipes import run_recipe


def test_the_recipe_for_tests_needs_no_kernel(tmp_path: Path) -> None:
    """Neither IPVS nor a privilege: it runs wherever the package is installed."""
    done = run_recipe("Tests without a kernel", tmp_path)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
