"""The units as systemd itself starts, reloads and stops them, from the packages and on the real kernel. Each test has a machine
of its own; `make test-packages` runs them."""

from __future__ import annotations

import socket
import subprocess
from pathlib import Path

from support.machines import Machine, until
from support.package_roots import ALL, FRIENDS, MAIL, RULES, WEB, Looking
from support.pages import blocks
from support.tools import ROOT

DNS = "-A -u 10.0.0.1:53 -s rr\n-a -u 10.0.0.1:53 -r 10.1.0.1:53 -m -w 1\n"
NET_ADMIN = f"{1 << 12:016x}"
SECCOMP_FILTER = "2"
KEEPALIVED = """\
virtual_server 10.0.0.3 80 {
    lvs_sched rr
    lvs_method DR
    protocol TCP
    real_server 10.1.0.3 80 {
        weight 1
    }
}
"""
LDIRECTORD = """\
quiescent=no
virtual=10.0.0.4:80
\treal=10.1.0.4:80 gate
\tscheduler=rr
\tprotocol=tcp
\tchecktype=on
"""
OTHERS = (
    "-A -t 10.0.0.3:80 -s rr\n-a -t 10.0.0.3:80 -r 10.1.0.3:80 -g -w 1\n"
    "-A -t 10.0.0.4:80 -s rr\n-a -t 10.0.0.4:80 -r 10.1.0.4:80 -g -w 1\n"
)
# What docs/packages.md has to be typed when ours have come in the place of a running ipvsadm.
LAST_LINES = [
    block.text.splitlines()[-2:]
    for block in blocks(ROOT / "docs/packages.md")
    if block.remark == "run by: tests/packages/test_roots.py"
][-1]
SCRAPE = "import urllib.request as r; print(r.urlopen('http://127.0.0.1:9119/metrics').read().decode())"


def settings(machine: Machine, *lines: str) -> None:
    with (machine.path / "etc/default/ipvsadm").open("a") as file:
        file.writelines(f"{line}\n" for line in lines)


def rules_of(text: str) -> str:
    """Without comments."""
    return "".join(line for line in text.splitlines(keepends=True) if not line.startswith("#"))


def one_packet() -> None:
    """To the service of DNS, from this machine to itself."""
    for address in ("10.0.0.1", "10.1.0.1"):
        subprocess.run(["ip", "address", "add", f"{address}/32", "dev", "lo"], check=True)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
        client.sendto(b"x", ("10.0.0.1", 53))


def counted(machine: Machine) -> dict[str, int]:
    """Connections by the address of services and destinations, as the kernel has added them up."""
    lines = [line.split() for line in machine("ipvsadm", "-L", "-n", "--stats").splitlines()[3:]]
    return {words[1].partition(":")[0]: int(words[2]) for words in lines}


def unloaded() -> bool:
    """Whether IPVS could be taken out of the kernel. It is in use until the namespaces of other tests have gone."""
    loaded = [line.split()[0] for line in Path("/proc/modules").read_text().splitlines()]
    modules = [*[name for name in loaded if name.startswith("ip_vs_")], "ip_vs"]
    return not subprocess.run(["modprobe", "-r", *modules], capture_output=True, check=False).returncode


def higher(machine: Machine, name: str) -> None:
    """Makes the same package with a higher version."""
    machine("dpkg-deb", "-R", f"/packages/{name}", f"/{name}.d")
    control = machine.read(f"/{name}.d/DEBIAN/control")
    (version,) = [line for line in control.splitlines() if line.startswith("Version: ")]
    machine.write(f"/{name}.d/DEBIAN/control", control.replace(version, f"{version}+1"))
    machine("dpkg-deb", "-b", f"/{name}.d", f"/packages/higher-{name}")


def test_a_boot_and_its_end(machine: Machine) -> None:
    """The rules and both daemons are there before anything of keepalived and ldirectord is started, and the table is emptied
    after these have ended. Nothing is said where nothing is wrong."""
    machine.configure(auto=True)
    settings(machine, 'DAEMON="both"', 'IFACE="lo"')
    machine.write("/etc/keepalived/keepalived.conf", KEEPALIVED)
    machine.write("/etc/ha.d/ldirectord.cf", LDIRECTORD)
    machine.boot("keepalived", "ldirectord")
    units = ("ipvsadm", "keepalived", "ldirectord")
    assert [machine.state(unit) for unit in units] == ["active"] * 3
    ready = int(machine.show("ipvsadm", "ActiveEnterTimestampMonotonic"))
    assert machine.began("ipvsadm") < ready <= min(machine.began(unit) for unit in units[1:])
    until(lambda: machine.table() == WEB + OTHERS)
    roles = [line.split()[0] for line in machine("ipvsadm", "-L", "--daemon").splitlines()]
    assert roles == ["master", "backup"]
    assert machine.said("ipvsadm.service") == []
    machine.off()
    assert (machine.table(), machine("ipvsadm", "-L", "--daemon")) == ("", "")
    told = machine("journalctl", "-D", "/var/log/journal", "-o", "cat").splitlines()
    at = {unit: max(n for n, line in enumerate(told) if f"{unit}.service" in line and line.startswith("Stop"))
          for unit in units}  # fmt: skip
    assert at["ipvsadm"] == max(at.values())


def test_a_reload(machine: Machine) -> None:
    """What is as wanted is not touched, and counts on. A mistake fails the reload in one line, and nothing else: the table stays,
    and the unit remains active."""
    machine.configure(auto=True, rules=DNS)
    machine.boot()
    one_packet()
    until(lambda: counted(machine) == {"10.0.0.1": 1, "10.1.0.1": 1})
    machine.write("/etc/ipvsadm.rules", DNS + MAIL)
    machine.systemctl("reload", "ipvsadm")
    assert machine.table() == MAIL + DNS
    assert counted(machine) == {"10.0.0.1": 1, "10.1.0.1": 1, "10.0.0.2": 0, "10.1.0.2": 0}
    assert machine.said("ipvsadm.service") == []
    machine.write("/etc/ipvsadm.rules", WEB + "-a -t 10.0.0.1:80 -r 10.1.0.2:80 -q\n")
    machine.systemctl("reload", "ipvsadm", fails=True)
    mistake = "/etc/ipvsadm.rules:3: -a -t 10.0.0.1:80 -r 10.1.0.2:80 -q: -q: unknown option"
    assert machine.said("ipvsadm.service") == [mistake, "1 mistake in /etc/ipvsadm.rules; nothing was done"]
    assert mistake in machine.systemctl("status", "--full", "ipvsadm")
    assert (machine.table(), machine.state("ipvsadm")) == (MAIL + DNS, "active")
    machine.write("/etc/ipvsadm.rules", MAIL)
    machine.systemctl("reload", "ipvsadm")
    assert machine.table() == MAIL


def test_a_mistake_at_boot(machine: Machine) -> None:
    """Nothing is in force, the unit has failed, and the machine is up all the same."""
    machine.configure(auto=True, rules=WEB + "nonsense\n")
    machine.boot()
    assert (machine.table(), machine.state("ipvsadm")) == ("", "failed")
    assert machine.state("multi-user.target") == "active"
    assert "/etc/ipvsadm.rules:3: nonsense: " in machine.systemctl("status", "--full", "ipvsadm", fails=True)


def test_a_name_that_is_not_found_at_boot(machine: Machine) -> None:
    """All other rules are in force, the unit has failed and names the line; a start brings the rest."""
    rule = "-a -t 10.0.0.1:80 -r web2.example:80 -g -w 1"
    machine.configure(auto=True, rules=f"{WEB}{rule}\n")
    machine.write("/etc/resolv.conf", "nameserver 127.0.0.1\n")
    machine.boot()
    assert (machine.table(), machine.state("ipvsadm")) == (WEB, "failed")
    assert machine.state("multi-user.target") == "active"
    told = machine.systemctl("status", "--full", "ipvsadm", fails=True)
    assert f"/etc/ipvsadm.rules:3: {rule}: web2.example could not be looked up" in told
    machine.write("/etc/hosts", "10.1.0.2 web2.example\n")
    machine.systemctl("start", "ipvsadm")
    assert machine.state("ipvsadm") == "active"
    assert machine.table() == f"{WEB}-a -t 10.0.0.1:80 -r 10.1.0.2:80 -g -w 1\n"


def test_stopping(machine: Machine) -> None:
    """It empties the table, or saves it first: as a whole, with the old rules beside, and with no more rights than the unit has."""
    machine.configure(auto=True)
    machine.boot()
    machine.systemctl("stop", "ipvsadm")
    assert machine.table() == ""
    settings(machine, 'ON_STOP="save"')
    machine.systemctl("start", "ipvsadm")
    machine("ipvsadm", "-R", stdin=MAIL)
    (machine.path / "etc/ipvsadm.rules").chmod(0o640)
    before = (machine.path / "etc/ipvsadm.rules").stat()
    machine.systemctl("stop", "ipvsadm")
    assert (machine.table(), machine.state("ipvsadm")) == ("", "inactive")
    after = (machine.path / "etc/ipvsadm.rules").stat()
    assert after.st_mode == before.st_mode and after.st_ino != before.st_ino
    assert rules_of(machine.read("/etc/ipvsadm.rules")) == WEB + MAIL
    assert machine.read("/etc/ipvsadm.rules.bak") == RULES
    assert machine.said("ipvsadm.service") == []
    assert not list(machine.path.glob("etc/ipvsadm*.new"))


def test_rules_that_are_not_root_s(machine: Machine) -> None:
    """A save is refused by the unit's few rights, and the table stays; with those that the unit names it works."""
    machine.configure(auto=True)
    settings(machine, 'ON_STOP="save"')
    machine.boot()
    machine("chown", "backup:backup", "/etc/ipvsadm.rules")
    machine("ipvsadm", "-R", stdin=MAIL)
    machine.systemctl("stop", "ipvsadm")
    assert (machine.table(), machine.state("ipvsadm")) == (WEB + MAIL, "failed")
    assert machine.read("/etc/ipvsadm.rules") == RULES
    assert machine.said("ipvsadm.service")[-1].endswith("the table could not be saved, and stays as it is")
    assert not list(machine.path.glob("etc/ipvsadm*.new"))
    (machine.path / "etc/systemd/system/ipvsadm.service.d").mkdir()
    machine.write("/etc/systemd/system/ipvsadm.service.d/rights.conf",
                  "[Service]\nCapabilityBoundingSet=CAP_CHOWN CAP_DAC_OVERRIDE CAP_FOWNER\n")  # fmt: skip
    machine.systemctl("daemon-reload")
    machine.systemctl("start", "ipvsadm")
    machine("ipvsadm", "-R", stdin=MAIL)
    machine.systemctl("stop", "ipvsadm")
    assert (machine.table(), machine.state("ipvsadm")) == ("", "inactive")
    assert rules_of(machine.read("/etc/ipvsadm.rules")) == WEB + MAIL
    assert (
        machine("stat", "-c", "%U:%G", "/etc/ipvsadm.rules", "/etc/ipvsadm.rules.bak").split()
        == ["backup:backup"] * 2
    )


def test_beside_ipvsadm(machine: Machine) -> None:
    """ipvsfast.service has files of its own, which may be JSON, and what it saves has timeouts and daemons too."""
    machine.configure(auto=False)
    machine.write("/etc/ipvsfast.rules", WEB)
    machine.boot("ipvsfast")
    assert [machine.state(unit) for unit in ("ipvsadm", "ipvsfast")] == ["active"] * 2
    assert machine.table() == WEB
    machine.write("/etc/ipvsfast.rules", machine("ipvsfast", "list", "--json"))
    machine("ipvsadm", "-C")
    machine.systemctl("reload", "ipvsfast")
    assert machine.table() == WEB
    machine("ipvsadm", "--set", "900", "60", "120")
    machine.write("/etc/ipvsfast.rules", MAIL)
    machine.write("/etc/default/ipvsfast", 'ON_STOP="save"\n')
    machine.systemctl("stop", "ipvsfast")
    assert (machine.table(), machine.state("ipvsfast")) == ("", "inactive")
    assert machine.read("/etc/ipvsfast.rules.bak") == MAIL
    saved = machine.read("/etc/ipvsfast.rules")
    assert WEB in saved and "--set 900 60 120\n" in saved
    assert machine.said("ipvsfast.service") == []


def test_the_module_is_loaded(machine: Machine) -> None:
    """With the schedulers by the kernel's own request; where that leads to nothing the service loads what it can itself."""
    machine.configure(auto=True)
    machine.boot()
    loader = Path("/proc/sys/kernel/modprobe")
    before = loader.read_text()
    machine.systemctl("stop", "ipvsadm")
    until(unloaded)
    machine.systemctl("start", "ipvsadm")
    assert machine.table() == WEB
    machine.systemctl("stop", "ipvsadm")
    until(unloaded)
    loader.write_text("\n")
    try:
        machine.systemctl("start", "ipvsadm", fails=True)
    finally:
        loader.write_text(before)
    assert "add-service TCP 10.0.0.1:80: Scheduler or persistence engine not found" in machine.said(
        "ipvsadm.service"
    )
    assert "ip_vs " in Path("/proc/modules").read_text()


def test_the_watch(machine: Machine) -> None:
    """It is started when the file is in force, follows it, tells its state, and leaves the table when it is stopped. It has one
    privilege, and a filter of system calls."""
    (machine.path / "etc/ipvsfast").mkdir(exist_ok=True)
    machine.write("/etc/ipvsfast/web", WEB)
    machine.configure(auto=False)
    machine.boot("ipvsfast-watch@web")
    unit = "ipvsfast-watch@web.service"
    assert (machine.table(), machine.state(unit)) == (WEB, "active")
    process = machine.process(unit)
    assert (process["CapEff"], process["CapBnd"], process["Seccomp"]) == (
        NET_ADMIN,
        NET_ADMIN,
        SECCOMP_FILTER,
    )
    assert machine.show(unit, "StatusText") == "the table is as wanted: 2 entries"
    machine.write("/etc/ipvsfast/web", WEB.replace("-w 1", "-w 5"))
    until(lambda: "-w 5" in machine.table())
    machine("ipvsadm", "-e", "-t", "10.0.0.1:80", "-r", "10.1.0.1:80", "-g", "-w", "7")
    machine.systemctl("reload", unit)
    until(lambda: "-w 5" in machine.table())
    table = machine.table()
    machine.systemctl("stop", unit)
    assert (machine.table(), machine.show(unit, "Result")) == (table, "success")


def test_the_exporter(machine: Machine) -> None:
    """The first scrape starts it. It has one privilege, and a filter of system calls, and sees all that root sees."""
    machine.configure(auto=True)
    machine.boot("ipvsfast-exporter.socket")
    service, sock = "ipvsfast-exporter.service", "ipvsfast-exporter.socket"
    assert [machine.state(unit) for unit in (sock, service)] == ["active", "inactive"]
    told = machine("python3", "-c", SCRAPE)
    assert "\nipvs_up 1\n" in told and "\nipvs_services 1\n" in told
    assert ("\nipvs_connection_table_entries 0\n" in told) == Path("/proc/net/ip_vs_status").exists()
    assert machine.state(service) == "active"
    process = machine.process(service)
    assert (process["CapEff"], process["CapBnd"], process["Seccomp"]) == (
        NET_ADMIN,
        NET_ADMIN,
        SECCOMP_FILTER,
    )
    assert machine.said(service) == ["serves the table on 127.0.0.1:9119, to everybody who comes"]
    machine("journalctl", "--sync")
    warnings = machine("journalctl", "-b", "-o", "cat", "-p", "warning", "-u", service)
    assert warnings in ("", "-- No entries --\n")
    machine.systemctl("reload", service)
    machine.systemctl("stop", service)
    assert machine.show(service, "Result") == "success"
    assert "\nipvs_up 1\n" in machine("python3", "-c", SCRAPE)


def test_an_upgrade_and_a_removal(machine: Machine) -> None:
    """Neither changes a rule, or starts or stops what has to do with the table; the exporter goes on with what is new, and ends when it
    is removed."""
    machine.configure(auto=True)
    machine.boot("ipvsfast-exporter.socket")
    machine("python3", "-c", SCRAPE)
    machine("ipvsadm", "-R", stdin=MAIL)
    invocation, exporter = (machine.show(unit, "InvocationID") for unit in ("ipvsadm", "ipvsfast-exporter"))
    for name in ALL[1:]:
        (package,) = machine.path.glob(f"packages/{name}_*.deb")
        higher(machine, package.name)
    with Looking() as looking:
        machine("dpkg", "-i", *[f"/packages/{path.name}" for path in machine.path.glob("packages/higher-*")])
        assert machine.table() == WEB + MAIL
        assert (machine.state("ipvsadm"), machine.show("ipvsadm", "InvocationID")) == ("active", invocation)
        assert machine.state("ipvsfast-exporter") == "active"
        assert machine.show("ipvsfast-exporter", "InvocationID") != exporter
        machine.apt("remove", *ALL, *FRIENDS)
        for unit in ("ipvsfast-exporter.service", "ipvsfast-exporter.socket"):
            assert machine.state(unit) == "inactive"
        assert machine.read("/etc/ipvsadm.rules") == RULES
        machine.apt("purge", "ipvsadm", *ALL)
    assert looking.seen and not looking.missing
    assert machine.there() == {}


def test_over_a_running_ipvsadm(theirs: Machine) -> None:
    """Its unit, or script, has emptied the table; ours is started, and has it in force again."""
    theirs.configure(auto=True)
    theirs.boot("ipvsadm")
    assert (theirs.table(), theirs.state("ipvsadm")) == (WEB, "active")
    before = theirs.show("ipvsadm", "InvocationID")
    theirs.install(*ALL)
    assert theirs.is_ours() and theirs.has(*FRIENDS, *ALL)
    assert (theirs.table(), theirs.state("ipvsadm")) == (WEB, "active")
    assert theirs.show("ipvsadm", "InvocationID") != before
    assert theirs.systemctl("is-enabled", "ipvsadm") == "enabled\n"
    theirs.off()
    assert theirs.table() == ""


def test_with_no_moment_without_rules(theirs: Machine) -> None:
    """As docs/packages.md says: nothing is stopped, and what is done afterwards brings what the file says."""
    theirs.configure(auto=True)
    theirs.boot("ipvsadm")
    theirs("ipvsadm", "-R", stdin=MAIL)
    theirs.services_may_start(False)
    with Looking() as looking:
        theirs.install(*ALL)
        for line in LAST_LINES:
            theirs("sh", "-c", line)
    assert looking.seen and not looking.missing
    assert (theirs.table(), theirs.state("ipvsadm")) == (WEB, "active")
