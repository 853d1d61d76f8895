"""A process that probes clips for `ProbePool`: paths come in as lines of JSON, verdicts go out likewise."""

import dataclasses
import json
import os
import signal
import sys

from recircle.data.probe import probe


def main() -> None:
    """Answer requests until the input ends."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the process that asks decides when to stop
    # a library that prints must not come between the answers
    answers = os.fdopen(os.dup(sys.stdout.fileno()), "w", encoding="ascii")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    print("ready", file=answers, flush=True)
    for line in sys.stdin:
        print(json.dumps(dataclasses.asdict(probe(json.loads(line)))), file=answers, flush=True)
