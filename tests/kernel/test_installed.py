"""The commands after `ipvsfast install` on a machine of their own: in fresh shells, without /proc, setuid."""

from __future__ import annotations

import os
import shutil
import struct
import subprocess
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from support.command import program
from support.require import cannot_run

# What login gives root (ENV_SUPATH of /etc/login.defs): Debian's /etc/profile sets PATH once more, Ubuntu's does not.
# HOME has nothing that could set more.
PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
LOGIN = f"env -i HOME=/nonexistent TERM=dumb PATH={PATH}"
BASH = ". /usr/share/bash-completion/bash_completion; _completion_loader $1; complete -p $1"


def machine(script: str, *words: str, needs: str = "sh") -> list[str]:
    """What a script prints, line by line, in mounts of its own: /usr/local and /etc/fish/completions are empty."""
    if not shutil.which(needs):
        cannot_run(f"{needs} is not installed")
    mounts = "mount -t tmpfs none /usr/local\n[ ! -d /etc/fish/completions ] || mount -t tmpfs none /etc/fish/completions\n"
    done = subprocess.run(
        ["unshare", "--mount", "sh", "-euc", mounts + script, "sh", *words],
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout.splitlines()


INSTALL = f"{program()} install --ipvsadm > /dev/null\n"


def test_names_in_a_fresh_shell() -> None:
    """The lines of docs/install.md find every name, and ipvsadm is ours."""
    names = ("ipvsfast", "ipvsfast-save", "ipvsfast-restore", "ipvsadm", "ipvsadm-save", "ipvsadm-restore")
    found = machine(
        f'{INSTALL}{LOGIN} bash -lc \'command -v "$@"; ipvsadm -v; ipvsfast-save\' bash "$@"', *names
    )
    assert found[:6] == [f"/usr/local/{'s' * name.startswith('ipvsadm')}bin/{name}" for name in names]
    assert found[6].startswith("ipvsadm v1.31 (ipvsfast ")
    assert found[7:] == []


def test_pages_in_a_fresh_shell() -> None:
    """man finds the page of every name, also of ipvsadm's."""
    found = machine(f"{INSTALL}{LOGIN} bash -lc 'man -w ipvsfast-save ipvsadm ipvsadm-restore'", needs="man")
    assert [os.path.basename(path) for path in found] == [
        "ipvsfast-save.8",
        "ipvsfast.8",
        "ipvsfast-restore.8",
    ]


@pytest.mark.parametrize("name", ["ipvsfast", "ipvsadm", "ipvsadm-save"])
def test_completions_of_bash(name: str) -> None:
    """They are loaded when they are first needed."""
    if not os.path.exists("/usr/share/bash-completion/bash_completion"):
        cannot_run("bash-completion is not installed")
    function = "_ipvsfast_script" if name.endswith("save") else "_ipvsfast"
    assert machine(f"{INSTALL}{LOGIN} bash -lc '{BASH}' bash {name}") == [f"complete -F {function} {name}"]


def test_completions_of_fish() -> None:
    """Also where no desktop has set XDG_DATA_DIRS."""
    script = f'{INSTALL}cd /usr/local; {LOGIN} HOME=/usr/local fish -lc \'complete -C "ipvsfast remove-c"; complete -C "ipvsadm --zer"\''
    found = machine(script, needs="fish")
    assert [line.split("\t")[0] for line in found] == ["remove-compat", "--zero"]


def test_completions_of_zsh() -> None:
    """Its own folder for a machine's additions."""
    script = f"{INSTALL}{LOGIN} zsh -lc 'autoload -U compinit; compinit -D -u; print $_comps[ipvsfast] $_comps[ipvsadm]'"
    assert machine(script, needs="zsh") == ["_ipvsfast _ipvsfast"]


@pytest.mark.parametrize("how", ["ipvsfast uninstall", "sh /usr/local/share/ipvsfast/uninstall"])
def test_nothing_is_left(how: str) -> None:
    """Links outside the prefix too; by the verb, and by the script that works without ipvsfast."""
    found = machine(
        f"{INSTALL}PATH=/usr/local/bin:$PATH; {how} | grep -cv removed || :; find /usr/local /etc/fish/completions ! -type d"
    )
    assert found == ["0"]


def test_without_proc() -> None:
    """In a chroot or early at boot: the Python part is found by the path that was called, links followed."""
    script = f"{INSTALL}mount -t tmpfs none /proc; cd /usr/local/sbin; ./ipvsadm -v; ipvsadm-save; PATH=$PWD ipvsadm -v"
    found = machine(f"PATH=/usr/local/sbin:$PATH\n{script}")
    assert [line[:14] for line in found] == ["ipvsadm v1.31 "] * 2


# Stands in for Python, to see with what rights that is started.
PYTHON = """#!/bin/sh
grep -E '^(Uid|Gid|CapPrm|CapEff|CapAmb)' /proc/self/status
shift 3
echo "$@"
"""
NET_ADMIN = 12


@pytest.mark.parametrize("how", ["setuid", "setgid", "capabilities"])
def test_rights_of_the_file_do_not_reach_python(how: str) -> None:
    """They are given up before Python is looked for: it obeys its caller in too many ways."""
    with TemporaryDirectory() as name:
        folder = Path(name)
        folder.chmod(0o755)
        copy, python = folder / "ipvsfast", folder / "ipvsfast-python"
        shutil.copy(program(), copy)
        if how == "capabilities":
            os.setxattr(copy, "security.capability", struct.pack("<5I", 0x02000001, 1 << NET_ADMIN, 0, 0, 0))
        else:
            copy.chmod(0o4755 if how == "setuid" else 0o2755)
        (folder / "python").write_text(PYTHON)
        (folder / "python").chmod(0o755)
        python.write_text(f"#!{folder}/python\n")

        def run(**more: str) -> subprocess.CompletedProcess[str]:
            argv = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", copy, "-L", "-c"]
            return subprocess.run(
                argv, env={**os.environ, **more}, capture_output=True, text=True, check=False, timeout=60
            )

        done = run()
        assert done.stderr == ""
        nobody, nothing = ["65534"] * 4, ["0" * 16]
        assert [line.split()[1:] for line in done.stdout.splitlines()[:5]] == [
            nobody,
            nobody,
            nothing,
            nothing,
            nothing,
        ]
        assert done.stdout.splitlines()[5] == f"{python} -L -c"
        # Nor does PATH count, which the caller has made.
        (folder / "other").mkdir()
        python.rename(folder / "other/ipvsfast-python")
        done = run(PATH=f"{folder}/other:{os.environ['PATH']}")
        assert (done.returncode, done.stdout) == (127, "")
        assert "cannot find ipvsfast-python" in done.stderr
        copy.chmod(0o755)
        if how == "capabilities":
            os.removexattr(copy, "security.capability")
        assert run(PATH=f"{folder}/other:{os.environ['PATH']}").returncode == 0
