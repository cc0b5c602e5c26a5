"""Completions: made from the tables, and tried in the shells that are there."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from ipvsfast.cli.commands import HELP, VERBS
from ipvsfast.language.options import COMMAND, OPTIONS, VALUES
from support.command import BIN
from support.require import cannot_run
from support.tools import ROOT, tool

FOLDER = ROOT / "completions"
FILES = sorted(str(path.relative_to(FOLDER)) for path in FOLDER.glob("*/*"))
PLACES = {
    "bash": "share/bash-completion/completions",
    "zsh": "share/zsh/site-functions",
    "fish": "share/fish/vendor_completions.d",
}
COMMANDS = [spelling for option in OPTIONS if option.block == COMMAND for spelling in option.spellings]
SERVICES = ["-t", "--tcp-service", "-u", "--udp-service", "--sctp-service", "-f", "--fwmark-service"]


def shell(name: str) -> str:
    path = shutil.which(name)
    if path is None:
        cannot_run(f"{name} is not installed")
    return path


def test_files_are_up_to_date() -> None:
    """What is kept in the tree is what tools/completions.py makes of the tables now."""
    made = tool("completions").files()
    assert sorted(made) == FILES
    for name, text in made.items():
        assert (FOLDER / name).read_text() == text, "run: make generated"


@pytest.mark.parametrize("name", FILES)
def test_files_are_installed(name: str) -> None:
    """The wheel brings them where the shells look."""
    kind, _, file = name.partition("/")
    assert (Path(sys.prefix) / PLACES[kind] / file).read_text() == (FOLDER / name).read_text()


@pytest.mark.parametrize("name", FILES)
def test_the_shells_can_read_them(name: str) -> None:
    """No mistake in the syntax."""
    done = subprocess.run(
        [shell(name.partition("/")[0]), "-n", str(FOLDER / name)], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")


DRIVER = """
. "$1"
shift
COMP_WORDS=("$@")
COMP_CWORD=$(($# - 1))
COMP_LINE="$*" COMP_POINT=${#COMP_LINE}
function=$(complete -p -- "${1##*/}" | sed 's/.*-F \\([^ ]*\\) .*/\\1/')
"$function" "$1" "${COMP_WORDS[COMP_CWORD]}" "${COMP_WORDS[COMP_CWORD - 1]}"
printf '%s\\n' "${COMPREPLY[@]}"
"""


def in_bash(*words: str, folder: Path | None = None, prefix: tuple[str, ...] = ()) -> list[str]:
    """What bash offers for the last of the words."""
    file = FOLDER / "bash" / words[0].rpartition("/")[2]
    argv = [*prefix, shell("bash"), "-u", "-c", DRIVER, "bash", str(file), *words]
    done = subprocess.run(argv, cwd=folder, capture_output=True, text=True, check=True)
    assert done.stderr == ""
    return done.stdout.split()


BASH = [
    ("ipvsfast -", COMMANDS),
    ("ipvsfast --st", ["--start-daemon", "--stop-daemon"]),
    ("ipvsfast inst", ["install", "install-compat"]),
    ("/usr/sbin/ipvsfast inst", ["install", "install-compat"]),
    ("ipvsadm inst", []),
    ("/sbin/ipvsadm --zer", ["--zero"]),
    (
        "ipvsfast -A -",
        [
            *SERVICES,
            "-6",
            "--ipv6",
            "-s",
            "--scheduler",
            "-b",
            "--sched-flags",
            "--pe",
            "-p",
            "--persistent",
            "-M",
            "--netmask",
            "-o",
            "--ops",
        ],
    ),
    ("ipvsfast -A -t 10.0.0.1 : 80 --s", ["--scheduler", "--sched-flags"]),
    ("ipvsfast -D -f 1 -", ["-6", "--ipv6"]),
    ("ipvsfast -Ln --n", ["--nosort", "--numeric"]),
    ("ipvsfast -L --numeric --n", ["--nosort"]),
    ("ipvsfast -a --tun-type ", ["ipip", "gue", "gre"]),
    ("ipvsfast -a --tun-type g", ["gue", "gre"]),
    ("ipvsfast -A --scheduler = w", ["wrr", "wlc"]),
    ("ipvsfast -A --scheduler =", list(VALUES["scheduler"])),
    ("ipvsfast -A -s l", ["lc", "lblc", "lblcr"]),
    ("ipvsfast -A -b sh-port,sh", ["sh-port,sh-fallback", "sh-port,sh-port"]),
    ("ipvsfast -A -t ", []),
    ("ipvsfast -A -t 10.0.0.1 : ", []),
    ("ipvsfast -At ", []),
    ("ipvsfast -A -p --n", ["--netmask"]),
    ("ipvsfast --start-daemon ", ["master", "backup"]),
    ("ipvsfast --start-daemon master --mcast-t", ["--mcast-ttl"]),
    ("ipvsfast --stop-daemon backup -", ["--syncid"]),
    ("ipvsfast -C ", []),
    ("ipvsfast restore --q", ["--quiet"]),
    ("ipvsfast restore -q --q", []),
    ("ipvsfast restore f", ["file", "folder"]),
    ("ipvsfast restore --check f", ["file", "folder"]),
    ("ipvsfast install-compat f", ["folder"]),
    ("ipvsfast install --ipvsadm f", ["folder"]),
    ("ipvsfast help c", ["confirm", "conns", "convert"]),
    ("ipvsfast conns --family i", ["ipv4", "ipv6"]),
    ("ipvsfast conns --family = m", ["mixed"]),
    ("ipvsfast conns --protocol tcp,s", ["tcp,sctp"]),
    ("ipvsfast conns --state SYN_", ["SYN_SENT", "SYN_RECV"]),
    ("ipvsfast conns --state UDP,EST", ["UDP,ESTABLISHED"]),
    ("ipvsfast conns --by client,st", ["client,state"]),
    ("ipvsfast conns --by d", ["destination", "destination-address"]),
    ("ipvsfast conns --source ", ["auto", "proc", "bpf"]),
    ("ipvsfast diff --from k", ["keepalived"]),
    ("ipvsfast convert --to ", ["rules", "json", "yaml"]),
    ("ipvsfast conns --client ", []),
    ("ipvsfast -L -c --so", ["--sort", "--source"]),
    ("ipvsfast -Lnc --so", ["--sort", "--source"]),
    ("ipvsfast --list --numeric --connection --so", ["--sort", "--source"]),
    ("ipvsfast -Ln --so", ["--sort"]),
    ("ipvsfast -A -c --so", []),
    ("ipvsadm -Lnc --so", ["--sort"]),
    ("ipvsfast -Lnc --source ", ["auto", "proc", "bpf"]),
    ("ipvsfast -Lnc --source = b", ["bpf"]),
    ("ipvsfast -L -c --source bpf --so", ["--sort"]),
    ("ipvsfast-save -", ["-n", "-h", "--help"]),
    ("ipvsadm-save -", ["-n"]),
    ("ipvsfast-restore --", ["--allow-empty", "--help", "--wait"]),
    ("ipvsadm-restore --", []),
    ("ipvsadm-restore -", []),
]


@pytest.mark.parametrize(("line", "expected"), BASH, ids=[case[0] for case in BASH])
def test_bash(line: str, expected: list[str], tmp_path: Path) -> None:
    """As bash splits the words: colons and equal signs stand alone."""
    (tmp_path / "folder").mkdir()
    (tmp_path / "file").touch()
    assert sorted(in_bash(*line.split(" "), folder=tmp_path)) == sorted(expected)


def test_bash_offers_every_verb_and_its_options() -> None:
    """With an empty word, commands and verbs; behind a verb, all of its options."""
    assert in_bash("ipvsfast", "") == [*COMMANDS, *[verb.name for verb in VERBS]]
    assert in_bash("ipvsadm", "") == COMMANDS
    for verb in VERBS:
        expected = [spelling for option in (*verb.options, HELP) for spelling in option.spellings]
        assert in_bash("ipvsfast", verb.name, "-") == expected


def without_interfaces(script: str) -> tuple[str, ...]:
    """Runs a command where the kernel shows only what the script makes."""
    prefix = ("unshare", "--mount", *(() if os.geteuid() == 0 else ("--map-root-user",)), "sh", "-e", "-c")
    mounted = f'mount -t tmpfs tmpfs /sys; mkdir -p /sys/class/net; {script}; exec "$@"'
    done = subprocess.run([*prefix, mounted, "sh", "true"], capture_output=True, text=True, check=False)
    if done.returncode:
        cannot_run(f"nothing can be mounted here: {done.stderr}")
    return (*prefix, mounted, "sh")


def test_bash_knows_the_interfaces() -> None:
    """Those that are there now."""
    line = ("ipvsfast", "--start-daemon", "master", "--mcast-interface", "")
    assert "lo" in in_bash(*line)
    assert in_bash(*line, prefix=without_interfaces("mkdir /sys/class/net/eth7")) == ["eth7"]
    assert in_bash(*line, prefix=without_interfaces("touch /sys/class/net/bonding_masters")) == []
    assert in_bash(*line, prefix=without_interfaces("true")) == []


def test_bash_finds_the_file_by_the_name() -> None:
    """bash-completion loads the file that is called like the command; each brings all names."""
    for name in (
        "ipvsfast",
        "ipvsadm",
        "ipvsfast-save",
        "ipvsadm-save",
        "ipvsfast-restore",
        "ipvsadm-restore",
    ):
        script = f'. "{FOLDER}/bash/{name}"; complete -p {name}'
        done = subprocess.run([shell("bash"), "-c", script], capture_output=True, text=True, check=True)
        assert done.stdout.endswith(f" {name}\n")


FISH = [
    ("ipvsfast --st", ["--start-daemon", "--stop-daemon"]),
    ("ipvsfast inst", ["install", "install-compat"]),
    ("ipvsadm inst", []),
    ("ipvsfast --start-daemon m", ["master"]),
    ("ipvsfast -A -s lb", ["lblc", "lblcr"]),
    ("ipvsfast -A -b sh-port,f", ["sh-port,flag-1", "sh-port,flag-2", "sh-port,flag-3"]),
    ("ipvsadm -Ln --st", ["--stats"]),
    ("ipvsfast -C --", []),
    ("ipvsfast restore --q", ["--quiet"]),
    ("ipvsfast restore f", ["file", "folder/"]),
    ("ipvsfast install-compat f", ["folder/"]),
    ("ipvsfast conns --family i", ["ipv4", "ipv6"]),
    ("ipvsfast conns --state UDP,EST", ["UDP,ESTABLISHED"]),
    ("ipvsfast conns --by client,st", ["client,state"]),
    ("ipvsfast conns --source p", ["proc"]),
    ("ipvsfast help re", ["restore", "remove-compat"]),
    ("ipvsfast -L -c --so", ["--sort", "--source"]),
    ("ipvsfast -Lnc --so", ["--sort", "--source"]),
    ("ipvsfast -Ln --so", ["--sort"]),
    ("ipvsadm -Lnc --so", ["--sort"]),
    ("ipvsfast -Lnc --source b", ["bpf"]),
    ("ipvsadm-save -", ["-n"]),
]


@pytest.mark.parametrize(("line", "expected"), FISH, ids=[case[0] for case in FISH])
def test_fish(line: str, expected: list[str], tmp_path: Path) -> None:
    """As fish would offer it."""
    (tmp_path / "folder").mkdir()
    (tmp_path / "file").touch()
    script = f"source {FOLDER}/fish/{line.split(maxsplit=1)[0]}.fish; complete -C '{line}'"
    environment = {**os.environ, "HOME": str(tmp_path), "PATH": f"{BIN}:{os.environ['PATH']}"}
    done = subprocess.run(
        [shell("fish"), "--no-config", "-c", script],
        cwd=tmp_path, env=environment, capture_output=True, text=True, check=True,
    )  # fmt: skip
    offered = [text.split("\t")[0] for text in done.stdout.splitlines()]
    word = line.rpartition(" ")[2]
    assert sorted(text for text in offered if text.startswith(word)) == sorted(expected)
    # fish 4 also tells what only has the word in it, or its letters; at a terminal it shows what is nearest.
    assert all(has_letters(text, word) for text in offered)


def has_letters(text: str, word: str) -> bool:
    """Whether all letters of the word come in the text, in their order."""
    rest = iter(text.lower())
    return all(letter in rest for letter in word.lower())


ZSH = """
zmodload zsh/zpty
zpty shell zsh -f -i
ask() { zpty -w shell "$1"; zpty -r -m shell text "*$2*" }
ask "PS1= PS2=; unsetopt zle_bracketed_paste; echo rea''dy" $'ready\\r\\n'
ask "fpath=($1 \\$fpath); autoload -Uz compinit; compinit -u -D; bindkey '^I' complete-word; echo se''t" $'set\\r\\n'
zpty -w -n shell "$2"$'\\t'
zpty -r -m shell text "*$3*" && print found
zpty -d shell
"""


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("ipvsfast rem", "remove-compat"),
        ("ipvsadm --zer", "--zero"),
        ("ipvsfast -A -t 10.0.0.1:80 -s wr", "wrr"),
        ("ipvsfast -Ln --thr", "--thresholds"),
        ("ipvsfast --start-daemon m", "master"),
        ("ipvsfast -a --tun-type=gu", "gue"),
        ("ipvsfast restore --qu", "--quiet"),
        ("ipvsfast help conn", "conns"),
        ("ipvsfast conns --fam", "--family"),
        ("ipvsfast conns --family mi", "mixed"),
        ("ipvsfast conns --state UDP,EST", "UDP,ESTABLISHED"),
        ("ipvsfast conns --by dest", "destination"),
        ("ipvsfast conns --source b", "bpf"),
        ("ipvsfast -L -c --sou", "--source"),
        ("ipvsfast -Lnc --sou", "--source"),
        ("ipvsfast -Lnc --source=b", "bpf"),
    ],
)
def test_zsh(line: str, expected: str, tmp_path: Path) -> None:
    """An interactive zsh completes the word when the tabulator is pressed."""
    environment = {**os.environ, "HOME": str(tmp_path), "TERM": "dumb"}
    argv = [shell("zsh"), "-f", "-c", ZSH, "zsh", str(FOLDER / "zsh"), line, expected]
    done = subprocess.run(argv, env=environment, capture_output=True, text=True, timeout=60, check=False)
    assert done.stdout.endswith("found\n"), done.stdout + done.stderr
