"""The service under load: what it answers to many clients at a time, and what it keeps of them.

    python -m benchmarks.service RUN CLIPS... --requests 2000 --clients 64

Starts `recircle serve RUN` once for each size of batch, sends it the files (broken ones too, in turn) from as many
threads as there are clients, over plain HTTP, and prints clips a second, the seconds to an answer, and the answers by
their status, with the files that it has left in its temporary folder. Each answer is compared with what the recogniser
says of the file alone. A second table says what each kind of process holds on the way, and how that goes with the
number of requests after the first third of them.
"""

import argparse
import http.client
import json
import math
import os
import secrets
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from rich.table import Table

from benchmarks.machine import check_writable, describe, run_main, settings, write_json
from benchmarks.service_memory import KINDS, Sample, sample, trend
from recircle import Recognizer, UserError
from recircle.cli.console import out, print_table, progress
from recircle.decode.error import DecodeError

REFUSED = (400, 422)
"""What a clip that cannot be read is answered with; 400 if its file is empty."""


@dataclass(frozen=True, kw_only=True)
class Row:
    """What came of one service.

    Attributes:
        batch: most clips that pass the network together.
        rate: answers a second.
        median: seconds to an answer.
        slowest: those of the slowest of a hundred.
        statuses: answers by their status.
        difference: the largest of a probability to that of the recogniser.
        samples: of its memory, a hundred on the way.
        files: left in the temporary folder while the service still ran.
        ended: seconds from SIGTERM to the end of the process.
    """

    batch: int
    rate: float
    median: float
    slowest: float
    statuses: dict[str, int]
    difference: float
    samples: list[Sample]
    files: int
    ended: float


def measure(options: argparse.Namespace, batch: int) -> Row:
    """Start a service, load it, and end it."""
    files = [path for path in options.clips if path.is_file()]
    if not files:
        raise UserError("none of the clips is a file")
    expected = expect(options.run, files)
    contents = {path: form(path) for path in files}
    seconds: list[float] = []
    statuses: Counter[str] = Counter()
    differences: list[float] = [0.0]
    lock = threading.Lock()
    with tempfile.TemporaryDirectory() as folder, serving(options, batch, Path(folder)) as (process, port):

        def ask(number: int) -> None:
            path = files[number % len(files)]
            began = time.perf_counter()
            status, answer = post(port, *contents[path])
            took = time.perf_counter() - began
            right = expected[path]
            with lock:
                seconds.append(took)
                statuses[str(status)] += 1
                if status == 200 and right is not None:
                    differences.append(abs(answer["probability"] - right))
                elif (right is None) != (status in REFUSED):
                    statuses[f"{status}, unlike the recogniser"] += 1

        samples: list[Sample] = []
        tenth, often = options.requests // 10, math.ceil(options.requests / 100)
        with ThreadPoolExecutor(options.clients) as clients, progress(f"batch of {batch}") as show:
            list(clients.map(ask, range(tenth)))
            seconds.clear()
            began = time.perf_counter()
            for done, _ in enumerate(clients.map(ask, range(tenth, options.requests)), tenth + 1):
                show(done, options.requests)
                if done % often == 0:
                    samples.append(sample(process.pid, done))
            took = time.perf_counter() - began
        left = sum(1 for path in Path(folder).glob("recircle-*/*"))
        began = time.perf_counter()
        process.send_signal(signal.SIGTERM)
        process.wait(60)
        ended = time.perf_counter() - began
    return Row(
        batch=batch,
        rate=len(seconds) / took,
        median=statistics.median(seconds),
        slowest=statistics.quantiles(seconds, n=100)[98],
        statuses=dict(statuses),
        difference=max(differences),
        samples=samples,
        files=left,
        ended=ended,
    )


def expect(run: Path, files: Sequence[Path]) -> dict[Path, float | None]:
    """Return the probability that the recogniser gives each file's best class; None if it cannot be read."""
    with Recognizer.load(run, "cpu") as recognizer:
        found = recognizer.many(files)
        return {path: None if isinstance(one, DecodeError) else one.probability for path, one in found}


@contextmanager
def serving(options: argparse.Namespace, batch: int, folder: Path) -> Iterator[tuple[subprocess.Popen[bytes], int]]:
    """Run a service, with a temporary folder of its own."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "recircle.cli.main", "serve", str(options.run), "--port", str(port)]
    command += ["--device", "cpu", "--batch", str(batch), "--waiting", str(2 * options.clients)]
    command += ["--workers", str(options.workers)]
    process = subprocess.Popen(command, env={**os.environ, "TMPDIR": str(folder)}, stdout=subprocess.DEVNULL)
    try:
        while not is_healthy(port):
            if process.poll() is not None:
                raise UserError("the service did not start")
            time.sleep(0.2)
        yield process, port
    finally:
        if process.poll() is None:
            process.terminate()
            process.wait(60)


def is_healthy(port: int) -> bool:
    """Tell whether a service answers."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        connection.request("GET", "/health")
        return connection.getresponse().status == 200
    except OSError:
        return False
    finally:
        connection.close()


def form(path: Path) -> tuple[bytes, str]:
    """Return a file as the body of a request, and the type of that."""
    boundary = secrets.token_hex(8)
    disposition = f'form-data; name="clip"; filename="clip{path.suffix}"'
    head = f"--{boundary}\r\nContent-Disposition: {disposition}\r\n\r\n".encode()
    return head + path.read_bytes() + f"\r\n--{boundary}--\r\n".encode(), f"multipart/form-data; boundary={boundary}"


def post(port: int, body: bytes, kind: str) -> tuple[int, dict[str, Any]]:
    """Send a form and return the status and the answer."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=300)
    try:
        connection.request("POST", "/predict", body, {"Content-Type": kind})
        answer = connection.getresponse()
        return answer.status, json.loads(answer.read())
    finally:
        connection.close()


def parse(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.service", description="The service under load, on one machine with its clients."
    )
    add = parser.add_argument
    add("run", type=Path, help="folder of the run")
    add("clips", nargs="+", type=Path, help="files that are sent in turn; broken ones too")
    add("--requests", type=int, default=2000, help="requests in all, for each size of batch")
    add("--clients", type=int, default=64, help="clients at a time")
    add("--batch", type=int, nargs="+", default=[1, 8], help="most clips that pass the network together")
    add("--workers", type=int, default=1, help="processes that recognise")
    add("--output", type=Path, help="write machine, settings and all figures to this JSON file")
    options = parser.parse_args(arguments)
    if min(options.requests, options.clients, options.workers, *options.batch) < 1 or options.requests < 50:
        parser.error("--requests must be 50 or more, and the other numbers 1 or more")
    return options


def memory(rows: Sequence[Row]) -> Table:
    """Return what the processes of each service held on the way, in MB, and what a thousand requests add."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in ("batch", "requests", *KINDS, "all", "processes"):
        table.add_column(column, justify="right")
    for row in rows:
        for one in row.samples[:: math.ceil(len(row.samples) / 10)]:
            sizes = (*(one.held[kind] for kind in KINDS), one.total)
            table.add_row(
                str(row.batch), str(one.requests), *(f"{size / 1e6:.0f}" for size in sizes), str(one.processes)
            )
        warm = [one for one in row.samples if 3 * one.requests >= row.samples[-1].requests]
        trends = [trend(warm, kind) for kind in (*KINDS, None)]
        slopes = (f"{one.slope / 1e6:+.1f} +- {one.margin / 1e6:.1f}" for one in trends)
        table.add_row(str(row.batch), "in a thousand", *slopes, "")
    return table


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure, print the table and write the JSON file."""
    options = parse(arguments)
    check_writable(options.output)
    rows = [measure(options, batch) for batch in options.batch]
    table = Table(box=None, pad_edge=False, header_style="bold")
    columns = (
        "batch",
        "answers/s",
        "s, median",
        "s, 99 %",
        "answers",
        "largest difference",
        "files left",
        "end, s",
    )
    for column in columns:
        table.add_column(column, justify="left" if column == "answers" else "right")
    for row in rows:
        table.add_row(
            str(row.batch),
            f"{row.rate:.1f}",
            f"{row.median:.2f}",
            f"{row.slowest:.2f}",
            ", ".join(f"{count} x {status}" for status, count in sorted(row.statuses.items())),
            f"{row.difference:.1e}",
            str(row.files),
            f"{row.ended:.1f}",
        )
    print_table(table)
    print_table(memory(rows))
    machine = describe(torch.device("cpu"))
    out.print(f"{options.requests} requests of {options.clients} clients, {len(options.clips)} files; {machine}")
    if options.output:
        found = {"machine": machine, "settings": settings(options), "rows": [asdict(row) for row in rows]}
        write_json(options.output, {"benchmark": "service", **found})


if __name__ == "__main__":
    run_main(main)
