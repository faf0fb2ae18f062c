"""`make bench`: measure, print the table, keep the figures. ARGS="--only read,search --seconds 10"."""

from __future__ import annotations

import argparse
import asyncio
import os
import tempfile
from pathlib import Path

from bench import data, measures, report
from bench.stand import Stand, bench_settings, machine
from kontinuum.app.postgres import database, scratch_database
from kontinuum.kernel.config import load_settings
from kontinuum.store.migrate import migrate

MEASURES = ("import", "read", "search", "law", "chart", "create", "transaction", "memory", "export", "start")
OVER_HTTP = {"read", "search", "chart", "create", "transaction", "memory"}


def main() -> None:
    """Run the chosen measures. The import is always made: the others work on what it brings in."""
    arguments = _arguments()
    only = set(arguments.only)
    about = machine()
    figures: list[report.Figure] = []
    with tempfile.TemporaryDirectory(prefix="kontinuum-bench-") as name:
        folder = Path(name)
        folder.chmod(0o755)  # as root, PostgreSQL's own account must pass through
        settings = bench_settings(load_settings(os.environ), folder)
        dataset = data.prepare(folder / "in", arguments.copies, arguments.patients)
        told = f"{dataset.told}: {dataset.resources:,} resources, {dataset.size / 2**20:,.0f} MB"
        with database(settings) as server, scratch_database(server) as dsn:
            asyncio.run(migrate(dsn))
            stand = Stand(dsn, settings, folder)
            _say(f"Import of {told}")
            imported = measures.importing(stand, dataset)
            figures += imported if "import" in only else []
            if "export" in only:
                _say("Export")
                figures += measures.exporting(stand, folder / "out")
            if only & {"chart", "law"}:
                _say(f"Demo region with {arguments.patients} patients")
                stand.command("demo", "--patients", str(arguments.patients))
            if only & OVER_HTTP:
                _say("Server")
                figures += measures.serving(stand, dataset, arguments.seconds, only)
            if "law" in only:
                _say("Law")
                figures += measures.scoping(stand, arguments.seconds)
        if "start" in only:
            _say("Start")
            figures += measures.starting(folder / "started")
    report.show(figures, about, f"{told}. Authentication, validation, access control and durable log are on")
    print(f"Kept in {report.write(figures, about, told)}")


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make bench", description=__doc__)
    parser.add_argument(
        "--only",
        type=lambda text: text.split(","),
        default=list(MEASURES),
        help=f"measures, separated by commas: {', '.join(MEASURES)}",
    )
    parser.add_argument(
        "--seconds", type=float, default=3.0, help="how long each round of load over HTTP lasts"
    )
    parser.add_argument("--copies", type=int, default=4, help="copies of the Synthea samples")
    parser.add_argument("--patients", type=int, default=60, help="patients of the demo region")
    arguments = parser.parse_args()
    for name in arguments.only:
        if name not in MEASURES:
            parser.error(f"--only {name}: there are {', '.join(MEASURES)}")
    return arguments


def _say(text: str) -> None:
    print(f"{text} …", flush=True)


if __name__ == "__main__":
    main()
