"""The whole analysis against other pipelines on the same file: `python benchmarks/analysis.py [MEGABYTES]`.

The file is that of corpus.py. Each pipeline runs in a process of its own, one thread each, one after another, in
rounds; shown are medians of its CPU seconds, loading included, its wall seconds and its largest memory.

    tokenizer    the bare tokenizer on the texts of the file, 2,000 at a time, without reading it
    tunebook     all checks
    2 workers    the same in two processes; ratios of wall seconds
    cookbook     the steps of OpenAI's "Data preparation and analysis for chat model fine-tuning": no duplicates, no
                 private data
    datasets     Hugging Face datasets for loading, tiktoken for counting, datasketch for near-duplicates
"""

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Any

os.environ |= dict.fromkeys(("RAYON_NUM_THREADS", "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"), "1")
os.environ["HF_HUB_OFFLINE"] = "1"

PERMUTATIONS, THRESHOLD = 128, 0.6
ROLES = {"system", "user", "assistant", "function"}
KEYS = {"role", "content", "name", "function_call", "weight"}


def tokenizer(path: Path) -> Callable[[], Any]:
    """The texts are read before the clock starts, and the tokenizer is loaded."""
    from webapp.datasets import OpenAITokenizer

    with path.open(encoding="utf-8") as file:
        texts = [message["content"] for line in file for message in json.loads(line)["messages"]]
    encoder = OpenAITokenizer()
    encoder.encode(["loaded"])
    return lambda: sum(
        int(encoder.encode(texts[start : start + 2000]).counts.sum()) for start in range(0, len(texts), 2000)
    )


def tunebook(path: Path) -> Callable[[], Any]:
    from webapp.datasets import analyze

    return lambda: analyze(path)


def two_workers(path: Path) -> Callable[[], Any]:
    from webapp.datasets import analyze, in_processes

    return lambda: analyze(path, engine=in_processes(2))


def cookbook(path: Path) -> Callable[[], Any]:
    """Its steps on the whole file, typed anew: load, check the format, count messages and tokens, estimate."""

    def run() -> list[int]:
        import tiktoken

        from webapp.datasets import openai_tokenizer

        with path.open(encoding="utf-8") as file:
            dataset = [json.loads(line) for line in file]
        errors: dict[str, int] = {}
        for example in dataset:
            for error in _cookbook_errors(example):
                errors[error] = errors.get(error, 0) + 1
        encoding: tiktoken.Encoding = openai_tokenizer._tiktoken("o200k_base")
        total, spoken = [], []
        for example in dataset:
            messages = example["messages"]
            total.append(3 + sum(3 + sum(len(encoding.encode(text)) for text in m.values()) for m in messages))
            spoken.append(sum(len(encoding.encode(m["content"])) for m in messages if m["role"] == "assistant"))
        too_long = sum(count > 16_385 for count in total)
        return [len(errors), too_long, sum(min(16_385, count) for count in total)]

    return run


def _cookbook_errors(example: Any) -> list[str]:
    if not isinstance(example, dict):
        return ["data_type"]
    messages = example.get("messages")
    if not messages:
        return ["missing_messages_list"]
    errors = []
    for message in messages:
        if "role" not in message or "content" not in message:
            errors.append("message_missing_key")
        if any(key not in KEYS for key in message):
            errors.append("message_unrecognized_key")
        if message.get("role") not in ROLES:
            errors.append("unrecognized_role")
        if not isinstance(message.get("content"), str) or not message["content"]:
            errors.append("missing_content")
    if not any(message.get("role") == "assistant" for message in messages):
        errors.append("example_missing_assistant_message")
    return errors


def datasets(path: Path) -> Callable[[], Any]:
    def run() -> int:
        import datasets as hf
        from datasketch import MinHash, MinHashLSH

        from webapp.datasets import openai_tokenizer

        hf.disable_progress_bars()
        encoding = openai_tokenizer._tiktoken("o200k_base")

        def count(batch: dict[str, Any]) -> dict[str, Any]:
            return {"tokens": [sum(len(encoding.encode(m["content"])) for m in row) for row in batch["messages"]]}

        def sign(batch: dict[str, Any]) -> dict[str, Any]:
            signed = []
            for row in batch["messages"]:
                words = {word.encode() for message in row for word in message["content"].lower().split()}
                sketch = MinHash(num_perm=PERMUTATIONS)
                sketch.update_batch(words)
                signed.append(sketch.hashvalues)
            return {"signature": signed}

        with tempfile.TemporaryDirectory() as cache:
            rows = hf.load_dataset("json", data_files=str(path), split="train", cache_dir=cache)
            rows = rows.map(count, batched=True).map(sign, batched=True)
            search = MinHashLSH(threshold=THRESHOLD, num_perm=PERMUTATIONS)
            found = 0
            for index, signature in enumerate(rows.with_format("numpy")["signature"]):
                sketch = MinHash(num_perm=PERMUTATIONS, hashvalues=signature.astype("uint32"), scheme="affine32")
                found += bool(search.query(sketch))
                search.insert(index, sketch, check_duplication=False)
            return found

    return run


PIPELINES = {
    "tokenizer": tokenizer,
    "tunebook": tunebook,
    "2 workers": two_workers,
    "cookbook": cookbook,
    "datasets": datasets,
}


def measure(name: str, path: Path) -> None:
    """Runs one pipeline in this process, and prints what it took."""
    run = PIPELINES[name](path)
    wall, cpu = time.perf_counter(), time.process_time()
    run()
    print(
        json.dumps(
            {
                "cpu": time.process_time() - cpu,
                "wall": time.perf_counter() - wall,
                "mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
            }
        )
    )


def measured(name: str, path: Path) -> dict[str, float]:
    """The same in a process of its own."""
    command = [sys.executable, __file__, "--pipeline", name, "--file", str(path)]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    found: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return found


def compare(megabytes: int, rounds: int, names: list[str]) -> None:
    """Prints a table, a line a pipeline, and the ratios."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "corpus.jsonl"
        subprocess.run([sys.executable, Path(__file__).with_name("corpus.py"), str(megabytes), path], check=True)
        with path.open(encoding="utf-8") as file:
            examples = sum(1 for _ in file)
        found: dict[str, list[dict[str, float]]] = {name: [] for name in names}
        for _ in range(rounds):
            for name in names:
                found[name].append(measured(name, path))
    middle = {name: {key: median(run[key] for run in runs) for key in runs[0]} for name, runs in found.items()}
    print(f"{megabytes} MB, {examples:,} chats, medians of {rounds} rounds")
    print(f"{'':12} {'CPU s':>8} {'MB/s':>7} {'wall s':>8} {'MiB':>7}   CPU against tunebook")
    for name, row in middle.items():
        ratio = row["cpu"] / middle["tunebook"]["cpu"]
        speed = megabytes / row["cpu"]
        print(f"{name:12} {row['cpu']:8.2f} {speed:7.1f} {row['wall']:8.2f} {row['mib']:7.0f}   {ratio:.2f}")
    if "2 workers" in middle:
        ratio = middle["tunebook"]["wall"] / middle["2 workers"]["wall"]
        print(f"2 workers are {ratio:.2f} times as fast as one")
    spent = (middle["tunebook"]["mib"] - 200) * 2**20 / examples
    print(f"memory beyond 200 MiB: {spent:.0f} bytes an example")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0] if __doc__ else None)
    parser.add_argument("megabytes", nargs="?", type=int, default=100)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--only", nargs="*", default=list(PIPELINES), choices=list(PIPELINES))
    parser.add_argument("--pipeline", help=argparse.SUPPRESS)
    parser.add_argument("--file", type=Path, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.pipeline:
        measure(arguments.pipeline, arguments.file)
    else:
        compare(arguments.megabytes, arguments.rounds, arguments.only)


if __name__ == "__main__":
    main()
