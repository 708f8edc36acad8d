from __future__ import annotations

import sys

# What is preloaded into a process is written for Linux: elsewhere these tests have nothing to stand on.
collect_ignore = [] if sys.platform == "linux" else ["test_crash_sweep.py", "test_power_cut.py"]
