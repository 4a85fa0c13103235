"""`python -m benchmarks.training`: time and memory of fits, a JSON line each.

For each of --interactions a data set is simulated and each kind of model tuned and fitted in a
process of its own; `als` also by calling implicit directly with the same settings, right after its
fit, for the ratio.
"""

import argparse
import multiprocessing

from benchmarks.training.fits import measure
from contracts.training import ModelType
from ml_engine.training.model_kinds import KINDS


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    sizes = [100_000, 1_000_000, 10_000_000]
    parser.add_argument("--interactions", type=int, nargs="+", default=sizes)
    parser.add_argument("--models", nargs="+", default=list(KINDS), type=ModelType)
    arguments = parser.parse_args()
    context = multiprocessing.get_context("spawn")
    for kind in arguments.models:
        for n_events in arguments.interactions:
            # Of its own, so that its peak is of this fit alone.
            process = context.Process(target=measure, args=(kind, n_events))
            process.start()
            process.join()


if __name__ == "__main__":
    main()
