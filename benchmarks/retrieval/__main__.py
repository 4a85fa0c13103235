"""`python -m benchmarks.retrieval`: what retrieval costs, a JSON line each.

First whole answers over a catalogue of ITEMS, by each option, with what a plain one's ann_search
takes of the bare FAISS call; then the index that is chosen for LARGE vectors like a model's, and,
with --chance, for as many of chance alone.
"""

import argparse
import asyncio
import json

from benchmarks.retrieval import large, options


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--items", type=int, default=50_000)
    parser.add_argument("--large", type=int, default=1_000_000, help="0 for none")
    parser.add_argument("--dimensions", type=int, default=128)
    parser.add_argument("--chance", action="store_true")
    arguments = parser.parse_args()
    if arguments.items:
        asyncio.run(options.main(arguments.items))
    kinds = list(large.KINDS) if arguments.chance else ["like a model"]
    for kind in kinds if arguments.large else []:
        for line in large.measure(kind, arguments.large, arguments.dimensions):
            print(json.dumps(line), flush=True)


if __name__ == "__main__":
    main()
