"""The compiled module; all else is in pyproject.toml."""

from setuptools import setup

# One wheel, built against the stable ABI of the oldest supported Python, serves all later ones.
setup(
    cffi_modules=["csrc/build_ffi.py:ffibuilder"],
    options={"bdist_wheel": {"py_limited_api": "cp310"}},
)
