"""What the programs of a simulated Mac start: `stub.py PROGRAM [ARGUMENT]...`.

Run with `-I -S` so that it is quick and nothing of the caller's environment matters. PROGRAM is the
path by which the program was started; the Mac is the folder above it that bears the marker.
`stub.py --job DIR TARGET` is launchd, running one job.
"""

import os
import sys

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

# A script is compiled at each start, a module once.
from simmac.program import main

# Nothing is left to tidy up, and an orderly end of the interpreter takes 3 ms.
os._exit(main(sys.argv[1:]))
