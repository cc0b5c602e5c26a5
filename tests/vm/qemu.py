"""Stock Debian kernels under QEMU, with the caller's file tree as their root over 9p."""

from __future__ import annotations

import fcntl
import os
import shutil
import subprocess
from pathlib import Path

from . import cache, initramfs
from .console import Machine
from .errors import CannotRunError
from .job import GUEST_SCRIPTS, Job
from .kernels import Kernel
from .packages import Suite
from .programs import need

BOOT_SECONDS = 180.0
ACCELERATOR_VARIABLE = "IPVSFAST_VM_ACCELERATOR"
QEMU = "qemu-system-x86_64"
BOOT_MODULES = ("virtio_pci", "9pnet_virtio", "9p")
# An image package holds everything itself, or depends on packages that hold it.
IMAGE = r"linux-image-\d.*"
IMAGE_PARTS = r"linux-(base|binary|modules)-\d.*"
KEPT_MODULES = ("arch/", "crypto/", "drivers/virtio/", "fs/", "kernel/", "lib/", "mm/", "net/")
KVM_CREATE_VM = 0xAE01
# One thread for all CPUs: with more, a CPU can run code that another one is half through patching,
# and the kernel patches its own code all the time; boots died of it (QEMU 7.2).
# icount: time goes by the instructions that were carried out, one a nanosecond, whatever else the machine does.
ACCELERATORS = {"kvm": "kvm", "tcg": "tcg,thread=single", "icount": "tcg,thread=single"}


def prepare(kernel: Kernel) -> Path:
    """The folder with the kernel, its modules and a static shell."""
    need(QEMU, "qemu-system-x86", f"to boot the stock kernel {kernel.name}")
    need("modprobe", "kmod", "to load IPVS in the guest")
    need("ip", "iproute2", "to bring up the guest's network")
    return cache.filled(f"{kernel.name}-{kernel.suite}", lambda folder: _fill(kernel, folder))


def _fill(kernel: Kernel, folder: Path) -> None:
    depmod = need("depmod", "kmod", "to index the modules of the kernel package")
    work = folder / "work"
    tree = work / "tree"
    suite = Suite(kernel.suite, work)
    image = suite.dependency(kernel.package, IMAGE)
    packages = [image, *suite.dependencies(image, IMAGE_PARTS), "busybox-static"]
    versions = [f"{package} {suite.unpack(package, tree)}" for package in packages]
    shutil.copy(_one(tree, "boot/vmlinuz-*", "usr/lib/modules/*/vmlinuz"), folder / "vmlinuz")
    shutil.copy(_one(tree, "bin/busybox", "usr/bin/busybox"), folder / "busybox")
    found = _one(tree, "lib/modules/*", "usr/lib/modules/*")
    _trim(found)
    base = work / "base"
    placed = base / "lib/modules" / found.name
    placed.parent.mkdir(parents=True)
    found.rename(placed)
    # Where depmod looks below its base, /lib or /usr/lib, was settled when it was compiled.
    (base / "usr").symlink_to(".")
    subprocess.run([depmod, "-b", str(base), placed.name], check=True, timeout=300)
    initramfs.kernel_modules(placed, BOOT_MODULES)
    placed.rename(folder / "modules")
    shutil.rmtree(work)
    (folder / "versions").write_text("".join(f"{version}\n" for version in versions))


def _one(tree: Path, *patterns: str) -> Path:
    for pattern in patterns:
        for path in sorted(tree.glob(pattern)):
            return path
    raise CannotRunError(f"the kernel packages hold none of {', '.join(patterns)}")


def _trim(modules: Path) -> None:
    """Drop the modules for hardware that the machine has not, and uncompress the others."""
    import lzma  # here: a Python built without it can still boot all other kernels

    root = modules / "kernel"
    for path in sorted(root.rglob("*.ko*")):
        name = path.relative_to(root).as_posix()
        if not name.startswith(KEPT_MODULES) and os.path.dirname(name) != "drivers/net":
            path.unlink()
        elif path.suffix == ".xz":
            path.with_suffix("").write_bytes(lzma.decompress(path.read_bytes()))
            path.unlink()


def modules(folder: Path) -> Path:
    return folder / "modules"


def accelerator() -> str:
    """kvm where it can be used, else plain emulation."""
    given = os.environ.get(ACCELERATOR_VARIABLE, "")
    if given:
        if given not in ACCELERATORS:
            raise CannotRunError(f"{ACCELERATOR_VARIABLE}={given}: it can be kvm, tcg or icount")
        return given
    # Some hosts offer a /dev/kvm that emulates a processor without the extensions: slower than none.
    flags = Path("/proc/cpuinfo").read_text().split()
    if "vmx" not in flags and "svm" not in flags:
        return "tcg"
    try:
        with open("/dev/kvm", "r+b", buffering=0) as device:
            os.close(fcntl.ioctl(device, KVM_CREATE_VM, 0))
    except OSError:
        return "tcg"
    return "kvm"


def _init_script(order: list[str]) -> bytes:
    # loose: the guest may keep what it has read of the file tree, since all that changes in it
    # during a run is changed by the guest; the job's folder is written through instead.
    options = "trans=virtio,version=9p2000.L,msize=512000"
    lines = [
        "#!/bin/busybox sh",
        "b=/bin/busybox",
        "$b mount -t proc proc /proc",
        *[f"$b insmod /modules/{name}" for name in order],
        f"$b mount -t 9p -o {options},cache=loose root /root",
        "$b umount /proc",
        "$b mount -t proc proc /root/proc",
        "$b mount -t sysfs sysfs /root/sys",
        "$b mount -t devtmpfs devtmpfs /root/dev",
        "$b mount -t tmpfs tmpfs /root/run",
        "$b mkdir -p /root/run/vm/job",
        f"$b mount -t 9p -o {options},cache=none job /root/run/vm/job",
        f"exec $b switch_root /root /bin/sh '{GUEST_SCRIPTS}/run.sh'",
    ]
    return "".join(f"{line}\n" for line in lines).encode()


def _write_initramfs(folder: Path, target: Path) -> None:
    files = initramfs.kernel_modules(modules(folder), BOOT_MODULES)
    entries = [initramfs.folder(name) for name in ("bin", "dev", "modules", "proc", "root")]
    entries += [
        initramfs.console(),
        initramfs.program("bin/busybox", (folder / "busybox").read_bytes()),
        initramfs.program("init", _init_script([path.name for path in files])),
    ]
    entries += [initramfs.program(f"modules/{path.name}", path.read_bytes()) for path in files]
    target.write_bytes(initramfs.archive(entries))


def boot(folder: Path, job: Job, memory: int) -> Machine:
    """Start the kernel on a job; `memory` is in MiB."""
    image = job.folder / "initramfs"
    _write_initramfs(folder, image)
    accel = accelerator()
    share = "local,security_model=none,multidevs=remap"
    argv = [
        need(QEMU, "qemu-system-x86", "to boot a stock kernel"),
        *("-nodefaults", "-no-user-config", "-no-reboot", "-display", "none"),
        *("-machine", "q35", "-accel", ACCELERATORS[accel]),
        *("-cpu", "host" if accel == "kvm" else "max"),
        *(("-icount", "shift=0,sleep=off") if accel == "icount" else ()),
        *("-smp", "2", "-m", f"{memory}M", "-serial", "stdio"),
        *("-kernel", str(folder / "vmlinuz"), "-initrd", str(image)),
        *("-append", "console=ttyS0 oops=panic panic=-1 loglevel=4 mitigations=off nokaslr"),
        *("-virtfs", f"{share},path=/,mount_tag=root"),
        *("-virtfs", f"{share},path={job.folder},mount_tag=job"),
    ]
    return Machine(argv, folder, {"HOME": str(job.folder), "PATH": "/usr/bin:/bin"})
