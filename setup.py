"""Build of the compiled parts: every ``.pyx`` beside the Python files it serves becomes one extension module.

``OUTBID_CYTHON_CHECKS=1`` builds with bounds and None checks, those of C++ containers included, for the kernel tests.
Negative indices never wrap around, and division is C's, in either build.
"""

import os
import platform
from pathlib import Path

from Cython.Build import cythonize
from setuptools import Extension, setup

ROOT = Path(__file__).parent
FOLDERS = [
    "cython_ext",
    "domain",
    "openrtb",
    "targeting",
    "pacing",
    "eventlog",
    "prediction",
    "risk",
    "credit",
    "bidder",
]
CHECKS = os.environ.get("OUTBID_CYTHON_CHECKS") == "1"
BUILT = os.environ.get("OUTBID_KERNELS_BUILT") == "1"
"""They stand beside their sources already: an editable install would compile every one of them once more."""


BASELINE = ["-march=x86-64-v2"] if platform.machine() in ("x86_64", "AMD64") else []
"""Every server since 2009: it counts bits in one instruction."""

SPEED = ["-O1" if CHECKS else "-O3", "-g0"]
"""Without what a debugger wants a build takes two thirds of the time; tests with checks need not be fast, but soon."""


def extensions() -> list[Extension]:
    """One extension per ``.pyx``; all are C++, because the request and the candidates keep reusable vectors."""
    sources = sorted(p.relative_to(ROOT) for folder in FOLDERS for p in (ROOT / folder).rglob("*.pyx"))
    return [
        Extension(
            ".".join(source.with_suffix("").parts),
            [str(source)],
            language="c++",
            include_dirs=[str(ROOT)],
            extra_compile_args=[*SPEED, *BASELINE, "-std=c++17", "-fno-strict-aliasing", "-Wno-unused-function"],
            define_macros=[("_GLIBCXX_ASSERTIONS", "1")] if CHECKS else [],
        )
        for source in sources
    ]


setup(
    ext_modules=[]
    if BUILT
    else cythonize(
        extensions(),
        nthreads=os.cpu_count() or 1,
        language_level="3",
        compiler_directives={
            "boundscheck": CHECKS,
            "nonecheck": CHECKS,
            "initializedcheck": CHECKS,
            "wraparound": False,
            "cdivision": True,
            "embedsignature": True,
            "binding": False,
        },
    ),
    options={"build_ext": {"parallel": os.cpu_count()}},
)
