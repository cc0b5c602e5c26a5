"""The recipes and examples of the documentation do what they say."""

from pathlib import Path

import pytest

from ipvsfast import Destination, Ipvs, Service
from support.recipes import EXAMPLES, examples, run_program, run_recipe, sections

pytestmark = pytest.mark.usefixtures("netns")

WEB = Service.tcp("10.0.0.1", 80, "wlc", persistent=300)
ONE = Destination("10.1.0.1", 8080, forwarding="masq", weight=3)
TWO = Destination("10.1.0.2", 8080, forwarding="masq")

# What each leaves behind, and what it prints.
RECIPES = {
    "A controller": ([(WEB, [TWO, ONE])], ""),
    "Kubernetes services, as kube-proxy has them": ([], ""),
    "Taking a destination out": ([(WEB, [TWO])], ""),
    "Errors": (None, ""),
    "asyncio": (None, None),
    "Fork and processes": ([(WEB, [])], ""),
    "Rule files": ([(WEB, [TWO, ONE])], ""),
    "Numbers of your own for Prometheus": ([(WEB, [TWO, ONE])], ""),
    "Tests without a kernel": ([], ""),
}


def test_there_is_a_test_for_every_recipe() -> None:
    """Each section of the document is run below."""
    assert list(sections()) == list(RECIPES)


@pytest.mark.parametrize("title", RECIPES)
def test_recipe(title: str, tmp_path: Path) -> None:
    """It ends well, every `assert` of it holds, and the table is what it should be."""
    done = run_recipe(title, tmp_path)
    table, printed = RECIPES[title]
    assert (done.returncode, done.stderr) == (0, "")
    assert printed is None or done.stdout == printed
    with Ipvs() as ipvs:
        assert table is None or ipvs.table() == table


def test_a_controller_brings_any_table_to_what_is_wanted(tmp_path: Path) -> None:
    """What others have put there goes, what is right stays untouched: its counters and its place."""
    with Ipvs() as ipvs:
        ipvs.add_service(WEB.replace(scheduler="rr"))
        for destination in (TWO, ONE.replace(weight=1), Destination("10.1.0.3", 8080, forwarding="masq")):
            ipvs.add_destination(WEB, destination)
        ipvs.add_service(Service.mark(7))
        assert run_recipe("A controller", tmp_path).returncode == 0
        assert ipvs.table() == [(WEB, [ONE, TWO])]


@pytest.mark.usefixtures("own_state")
@pytest.mark.parametrize(
    ("document", "n"), [(document, n) for document in EXAMPLES for n in range(len(examples(document)))]
)
def test_example(document: str, n: int, tmp_path: Path) -> None:
    """Every example of the other documents runs as it stands there."""
    done = run_program(examples(document)[n], tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
