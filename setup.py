"""The compiled module and the native command; all else is in pyproject.toml."""

import os
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

from setuptools import setup

# With setuptools imported first these are its own.
from distutils.ccompiler import new_compiler  # isort: skip
from distutils.command.build_scripts import build_scripts  # isort: skip
from distutils.sysconfig import customize_compiler  # isort: skip

NAMES = ("ipvsfast", "ipvsfast-save", "ipvsfast-restore")
ROOMS = ("core", "netlink", "sockopt", "rules", "listing", "bpf", "conns", "conns/proc", "conns/bpf", "front")
# In its place front/genl_raw.c, which needs no library.
LEFT_OUT = "genl_libnl.c"
# The rest of hardening is _FORTIFY_SOURCE, below.
COMPILE = ["-std=gnu11", "-O2", "-fPIE", "-fstack-protector-strong", "-ffunction-sections", "-fdata-sections"]
LINK = ["-pie", "-Wl,-z,relro,-z,now,-z,noexecstack", "-Wl,--gc-sections"]


class build_programs(build_scripts):
    """The Python script, and in front of it the native command, the same under each of its names.

    An executable may link to nothing but libc: where a library is bundled with the wheel, a Python script
    would be put in its place, and its quick start be lost without a sign.
    """

    def run(self):
        super().run()
        front = Path(self.build_dir, NAMES[0])
        try:
            self._link(front)
        except Exception as error:  # whatever the compiler's trouble is
            if os.environ.get("IPVSFAST_REQUIRE_NATIVE") == "1":
                raise
            self.warn(f"the native command cannot be built, a shell script takes its place: {error}")
            shutil.copyfile("scripts/launcher.sh", front)
        for name in NAMES[1:]:
            shutil.copyfile(front, Path(self.build_dir, name))
        for name in NAMES:
            Path(self.build_dir, name).chmod(0o755)

    def _link(self, program):
        compiler = new_compiler()
        customize_compiler(compiler)
        given = " ".join(compiler.compiler_so)
        fortify = [] if "_FORTIFY_SOURCE" in given else [("_FORTIFY_SOURCE", "2")]
        made = Path(self.get_finalized_command("build").build_temp, "front")
        self._write_tables(made)
        sources = [path for room in ROOMS for path in sorted(Path("csrc", room).glob("*.c"))]
        objects = compiler.compile(
            [str(path) for path in sources if path.name != LEFT_OUT],
            output_dir=str(made),
            include_dirs=["csrc", str(made)],
            macros=[("_GNU_SOURCE", None), *fortify],
            extra_preargs=COMPILE,
        )
        # Who builds packages sets CFLAGS, and takes the symbols out by himself, to keep them.
        strip = [] if os.environ.get("CFLAGS") else ["-s"]
        program.unlink(missing_ok=True)
        compiler.link_executable(
            objects,
            str(program),
            extra_preargs=[*LINK, *strip],
            extra_postargs=["-pthread", *shlex.split(os.environ.get("LDFLAGS", ""))],
        )

    @staticmethod
    def _write_tables(folder):
        """What the front reads and prints is taken from the Python modules that say the same."""
        folder.mkdir(parents=True, exist_ok=True)
        for name in ("options", "texts"):
            script = f"csrc/front/{name}.py"
            subprocess.run([sys.executable, "-IB", script, folder / f"{name}.h"], check=True)


# One wheel, built against the stable ABI of the oldest supported Python, serves all later ones.
setup(
    cffi_modules=["csrc/build_ffi.py:ffibuilder"],
    cmdclass={"build_scripts": build_programs},
    options={"bdist_wheel": {"py_limited_api": "cp310"}},
)
