"""Runs some checks and prints each finding in a line: ``python -m robotmeta.doctor physics video``."""

import json
import sys

from robotmeta.doctor.probes import probed

for _name in sys.argv[1:]:
    print(json.dumps(probed(_name).to_json()), flush=True)
