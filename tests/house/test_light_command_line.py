"""``outbid --help`` must not wait for an analytics engine: a command imports what it needs when it runs."""

import subprocess
import sys

LIST_MODULES = """
import sys
import cli.main
cli.main.parser()
print(*sorted({name.split(".")[0] for name in sys.modules if not name.startswith("_")}))
"""


def test_the_command_line_imports_the_standard_library_only() -> None:
    printed = subprocess.run([sys.executable, "-c", LIST_MODULES], check=True, capture_output=True, text=True).stdout
    bare = subprocess.run(
        [sys.executable, "-c", "import sys; print(*{n.split('.')[0] for n in sys.modules})"],
        check=True,
        capture_output=True,
        text=True,
    ).stdout
    foreign = set(printed.split()) - set(sys.stdlib_module_names) - set(bare.split()) - {"cli"}
    assert not foreign
