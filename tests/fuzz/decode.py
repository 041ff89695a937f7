"""Coverage-guided fuzzing of decode, with libFuzzer by way of atheris; ``make fuzz`` builds and runs it.

The kernels are compiled by clang with libFuzzer's instrumentation and AddressSanitizer, since the scanner reads raw
memory; the Python of `openrtb` is instrumented by atheris. Arguments are libFuzzer's: folders of the corpus, then
options (``-runs=1000000``, ``-max_total_time=600``). A finding is written to ``crash-…``; run the program with that
file alone to see it again, and add it to the corpus when it is mended.
"""

import sys
from collections.abc import Iterator
from pathlib import Path

import atheris
import msgspec

with atheris.instrument_imports(include=["openrtb"]):
    from openrtb.model import BidRequest
    from tests.fuzz.target import check

WORDS = ["null", "true", "false", "[]", "{}", "300.0", "-1", '"1"', "1e999", "NaN", "\\\\ud800", "\\\\u0000", "USD"]


def names(kind: object, met: set[type]) -> Iterator[str]:
    """Names of all fields that may occur in a value of this type."""
    for part in getattr(kind, "__args__", ()):
        yield from names(part, met)
    if isinstance(kind, type) and issubclass(kind, msgspec.Struct) and kind not in met:
        met.add(kind)
        for field in msgspec.structs.fields(kind):
            yield field.encode_name
            yield from names(field.type, met)


def write_dictionary(path: Path) -> None:
    """libFuzzer's dictionary: the names of the protocol, from the model, and values that careless exchanges write."""
    keys = sorted({f'\\"{name}\\":' for name in names(BidRequest, set())})
    lines = [f'"{key}"' for key in keys] + ['"{}"'.format(word.replace('"', '\\"')) for word in WORDS]
    path.write_text("\n".join(lines) + "\n")


def main() -> None:
    """``./fuzz``, which `tests/fuzz/run` writes, is this program: libFuzzer starts it again to merge a corpus."""
    dictionary = Path("fuzz.dict")
    write_dictionary(dictionary)
    atheris.Setup(["./fuzz", *sys.argv[1:], f"-dict={dictionary}"], lambda body: check(body) and None)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
