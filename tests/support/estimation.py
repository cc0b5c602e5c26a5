"""Whether the kernel refreshes its counters, in the namespace of the calling thread."""

from pathlib import Path

SWITCH = Path("/proc/sys/net/ipv4/vs/run_estimation")
CPUS = Path("/proc/sys/net/ipv4/vs/est_cpulist")  # since Linux 6.2


def switch(on: bool) -> None:
    SWITCH.write_text(f"{int(on)}\n")
