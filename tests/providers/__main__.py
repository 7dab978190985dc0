"""The loopback server in its own process.

From the root of the repository: ``python -m tests.providers --latency 0.1 --faults 0.2``.

It prints its address, replies to any task of the suite, and serves until it is ended. ``GET /asked`` gives
its counts."""

import argparse
import threading

from .faults import FAULTS, FaultName, Faults, lognormal, mixed
from .minds import reply_by_text
from .server import serve


def main() -> None:
    """Serve."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--port", type=int, default=0, help="where to listen; 0 for any free port")
    parser.add_argument(
        "--latency", type=float, default=0.0, help="median seconds between a request and its reply"
    )
    parser.add_argument(
        "--sigma", type=float, default=0.0, help="standard deviation of the latency's logarithm"
    )
    parser.add_argument(
        "--faults", type=float, default=0.0, help="rate of all faults together, in equal shares"
    )
    parser.add_argument(
        "--fault",
        action="append",
        default=[],
        metavar="NAME=RATE",
        help=f"rate of one fault: {', '.join(FAULTS)}",
    )
    parser.add_argument("--seed", type=int, default=1, help="of faults and latencies")
    arguments = parser.parse_args()
    rates: dict[FaultName, float] = dict(mixed(arguments.faults).rates)
    for given in arguments.fault:
        name, _, rate = given.partition("=")
        if name not in FAULTS:
            parser.error(f"--fault {name}: not one of {', '.join(FAULTS)}")
        rates[name] = float(rate)
    reply = Faults(rates, arguments.seed).over(reply_by_text)
    with serve(
        reply, lognormal(arguments.latency, arguments.sigma, arguments.seed), arguments.port
    ) as server:
        print(server.url, flush=True)  # noqa: T201
        threading.Event().wait()


if __name__ == "__main__":
    main()
