"""`ipvsfast watch --check` and `ipvsfast exporter --check`: what would not do is told, and nothing is begun."""

from __future__ import annotations

from pathlib import Path

import pytest

from support.command import run

SERVICE = "-A -t 10.0.0.1:80 -s rr\n"
SERVER = "-a -t 10.0.0.1:80 -r 10.1.0.1:80 -m\n"
NAMED = "-a -t 10.0.0.1:80 -r nobody.invalid:80 -m\n"


@pytest.fixture
def rules(tmp_path: Path) -> Path:
    return tmp_path / "rules"


@pytest.mark.parametrize(
    ("text", "options", "said"),
    [
        (SERVICE, (), "{}: 1 entry, no mistakes"),
        (SERVICE + SERVER, ("--tag", "web", "--max-delete", "50%"), "{}: 2 entries, no mistakes"),
        ("", ("--allow-empty",), "{}: 0 entries, no mistakes"),
    ],
)
def test_a_file_that_can_be_followed(rules: Path, text: str, options: tuple[str, ...], said: str) -> None:
    """As the watch would read it, with its options."""
    rules.write_text(text)
    done = run("watch", "--check", *options, str(rules))
    assert (done.returncode, done.stdout, done.stderr) == (0, "", said.format(rules) + "\n")


@pytest.mark.parametrize("text", [SERVICE + NAMED, "-A -t nobody.invalid:80 -s rr\n"])
def test_names_without_an_address_are_no_mistake(rules: Path, text: str) -> None:
    """The watch looks them up again; where none is found when a machine starts, it still has to begin."""
    rules.write_text(text)
    done = run("watch", "--check", str(rules))
    assert done.returncode == 0
    first, last = done.stderr.splitlines()
    assert first.endswith("no such host: nobody.invalid") or "could not be looked up" in first
    assert last == f"{rules}: it waits for names to have addresses, no mistakes"


@pytest.mark.parametrize(
    ("text", "options", "said"),
    [
        (SERVICE + SERVER + SERVER, (), "{}:3: "),
        (SERVICE + NAMED + "nonsense\n", (), "{}:3: "),
        (SERVICE, ("--scope", ":81"), "outside the scope :81"),
        (SERVICE, ("--max-delete", "half"), "'half'"),
        (SERVICE, ("--from", "json"), "{}"),
        ("", (), "holds no service"),
        (None, (), "cannot read {}: No such file or directory"),
    ],
)
def test_one_that_cannot(rules: Path, text: str | None, options: tuple[str, ...], said: str) -> None:
    """The status is 2, as where a watch could not begin."""
    if text is not None:
        rules.write_text(text)
    done = run("watch", "--check", *options, str(rules))
    assert (done.returncode, done.stdout) == (2, "")
    assert said.format(rules) in done.stderr


def test_a_saved_plan_cannot(rules: Path) -> None:
    """It is for one table at one time."""
    rules.write_text('{"ipvsfast_plan": 1}\n')
    done = run("watch", "--check", str(rules))
    assert (done.returncode, done.stderr) == (
        2,
        f"{rules} is a saved plan, which is for one table at one time\n",
    )


@pytest.mark.parametrize(
    ("options", "status", "said"),
    [
        ((), 0, "exporter: no mistakes\n"),
        (("--listen", ":9119,unix:/run/metrics", "--web-config", "{}"), 0, "exporter: no mistakes\n"),
        (("--listen", "localhost"), 2, "--listen takes"),
        (("--labels", "colour"), 2, "'colour'"),
        (("--min-age", "soon"), 2, "--min-age takes"),
        (("--web-config", "{}.gone"), 2, "cannot read {}.gone"),
        (("--once", "table.prom"), 2, "--check is for a server"),
    ],
)
def test_the_exporter(tmp_path: Path, options: tuple[str, ...], status: int, said: str) -> None:
    """Its options, and the files that they name; nobody has to be able to listen there."""
    web = tmp_path / "web.yml"
    web.write_text("rate_limit: {interval: 1s, burst: 5}\n")
    done = run("exporter", "--check", *[option.format(web) for option in options])
    assert (done.returncode, done.stdout) == (status, "")
    assert said.format(web) in done.stderr


def test_a_web_configuration_with_a_mistake(tmp_path: Path) -> None:
    """It is told where."""
    web = tmp_path / "web.yml"
    web.write_text("\nrate_limit: {interval: soon}\n")
    done = run("exporter", "--check", "--web-config", str(web))
    assert done.returncode == 2
    assert f"{web}:2: interval is a time" in done.stderr
