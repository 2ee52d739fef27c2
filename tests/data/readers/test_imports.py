"""Planning opens readers, infers tasks and splits: none of that may load what is slow to import."""

from __future__ import annotations

import subprocess
import sys


def test_planning_modules_import_nothing_heavy() -> None:
    code = (
        "import sys; import tlpy.data.readers.registry as r;"
        "[r.READERS.load(name) for name in r.READERS.names()];"
        "import tlpy.data.readers.images, tlpy.data.labels, tlpy.data.splits, tlpy.data.fingerprint;"
        "print([m for m in ('torch', 'lightning', 'monai', 'nibabel', 'pandas', 'PIL', 'scipy', 'sklearn')"
        " if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
