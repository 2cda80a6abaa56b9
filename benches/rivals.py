#!/usr/bin/env python3
"""What a user would pick instead, on the same texts and the same phrases, in one run on one core.

    python3 -m venv target/rivals && target/rivals/bin/pip install hyperscan tantivy
    target/rivals/bin/python benches/rivals.py

Runs `cargo bench --bench score` for Wirewatch's own rows and has it export texts and phrases. Rivals get folded text and
only the phrases that are plain words; they find them, and neither join compounds, read context nor weigh:
- Python `re`: one alternation per vocabulary, \\b on both sides, and a set of what was found;
- Hyperscan: one database, whole words, every match reported;
- tantivy: every entry indexed alone in memory, then each topic's query (any of its phrases) run against it.
"""
import os
import re
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
SECONDS = 10.0


def rate(work, items):
    """Items a second: the best of passes over growing parts of the items, within the time."""
    count, best = min(len(items), 50), 0.0
    began = time.perf_counter()
    while True:
        start = time.perf_counter()
        for item in items[:count]:
            work(item)
        took = time.perf_counter() - start
        best = max(best, count / took)
        if time.perf_counter() - began + 2 * took > SECONDS:
            return best
        if took < SECONDS / 10:
            count = min(len(items), count * 2)


def python_re(phrases, texts):
    # Longer ones first: an alternation takes the first that fits.
    pattern = re.compile(r"\b(?:" + "|".join(re.escape(p) for p in sorted(phrases, key=len, reverse=True)) + r")\b")
    return rate(lambda text: set(pattern.findall(text)), texts)


def hyperscan_rate(phrases, texts):
    import hyperscan

    database = hyperscan.Database()
    database.compile(
        expressions=[(r"\b" + re.escape(p) + r"\b").encode() for p in phrases],
        ids=list(range(len(phrases))),
        flags=[hyperscan.HS_FLAG_UTF8 | hyperscan.HS_FLAG_SINGLEMATCH] * len(phrases),
    )
    found = []
    on_match = lambda number, start, end, flags, context: found.append(number) and None

    def work(text):
        found.clear()
        database.scan(text, match_event_handler=on_match)

    return rate(work, [text.encode() for text in texts])


def tantivy_rate(topics, texts):
    import tantivy

    builder = tantivy.SchemaBuilder()
    builder.add_text_field("text", tokenizer_name="whitespace")
    schema = builder.build()
    quoted = [" OR ".join('"' + p + '"' for p in topic) for topic in topics]

    def work(text):
        index = tantivy.Index(schema)
        writer = index.writer(heap_size=15_000_000, num_threads=1)
        writer.add_document(tantivy.Document(text=text))
        writer.commit()
        index.reload()
        searcher = index.searcher()
        hits = 0
        for query in quoted:
            hits += searcher.search(index.parse_query(query, ["text"]), 1).count or 0
        return hits

    return rate(work, texts)


def wirewatch_rates():
    """Our rows, by the name of the benchmark: entries a second, of the fastest and the median run."""
    out = subprocess.run(
        ["cargo", "bench", "--bench", "score", "--", "_topics"], cwd=ROOT, check=True, capture_output=True, text=True
    ).stdout
    print(out)
    units = {"item/s": 1, "Kitem/s": 1e3, "Mitem/s": 1e6}
    rates, name = {}, ""
    for line in out.splitlines():
        cells = [cell.strip() for cell in re.split("│", line)]
        head = re.match(r"[├╰]─ (\w+)", line)
        if head:
            name = head[1]
        found = re.findall(r"([\d.]+) (K?M?item/s)", line)
        if found and name not in rates:
            values = [float(number) * units[unit] for number, unit in found]
            rates[name] = (max(values), values[2] if len(values) > 2 else statistics.median(values))
    return rates


def main():
    rates = wirewatch_rates()
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run(["cargo", "bench", "--bench", "score", "--", "--export", folder], cwd=ROOT, check=True)
        read = lambda name: [line for line in Path(folder, name).read_text().split("\n") if line]
        texts, shipped, thousand = read("texts.txt"), read("shipped.txt"), read("thousand.txt")
        made = [line.split("|") for line in read("topics.txt")]
    per_topic = max(1, len(shipped) // 9)
    nine = [shipped[at : at + per_topic] for at in range(0, len(shipped), per_topic)]
    rows = [
        ("Wirewatch, fastest run", rates["shipped_topics"][0], rates["thousand_topics"][0]),
        ("Wirewatch, median run", rates["shipped_topics"][1], rates["thousand_topics"][1]),
        ("Hyperscan (python-hyperscan)", hyperscan_rate(shipped, texts), hyperscan_rate(thousand, texts)),
        ("Python re, one alternation", python_re(shipped, texts), python_re(thousand, texts)),
        ("tantivy, an index an entry", tantivy_rate(nine, texts), tantivy_rate(nine + made, texts)),
    ]
    print(f"{len(texts)} entries; shipped topics {len(shipped)} phrases, 1,000 topics {len(thousand)} phrases")
    print("| | shipped topics, entries/s | 1,000 topics, entries/s |\n|---|---|---|")
    for name, few, many in rows:
        print(f"| {name} | {few:,.0f} | {many:,.0f} |")


if __name__ == "__main__":
    os.chdir(ROOT)
    sys.exit(main())
