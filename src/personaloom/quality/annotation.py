"""A blinded sheet for people, and what comes back from them.

The sheet shows messages and asks; a key file beside it, which annotators do not get, says what they were. Clean
and noisy messages are mixed, in keyed order, under ids that tell nothing.
"""

from __future__ import annotations

import csv
import io
import json
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from itertools import combinations
from pathlib import Path
from typing import Any

from personaloom.errors import InputError
from personaloom.files import atomic_bytes
from personaloom.keyed import Key
from personaloom.quality.agreement import cohen_kappa, interval_distance, krippendorff_alpha, precision_recall
from personaloom.quality.noise import noise_results
from personaloom.records import NoiseVerdict, TrainingSample

__all__ = ["COLUMNS", "NOISE_LABELS", "read_sheets", "write_sheet"]

NOISE_LABELS = ("none", "surface_noise", "incomplete_info", "semantic_ambiguity")
RATINGS = ("persona_adherence", "realism")
COLUMNS = ("item", "person", "before", "message", "noise", *RATINGS, "comment")
"""``noise`` is one of ``NOISE_LABELS``, ratings are 1 to 5; the last four are left for the annotator."""

_SHORT = {"surface": "surface_noise", "incomplete": "incomplete_info", "ambiguous": "semantic_ambiguity"}


def write_sheet(samples: Iterable[TrainingSample], sheet: Path, key_file: Path, count: int = 100, seed: int = 0) -> int:
    """Write a sheet of up to ``count`` user messages, half of them with noise applied where there are as many.

    Args:
        samples: read once; only the chosen messages are kept.
        sheet: the CSV file for annotators (UTF-8 with a mark, so that spreadsheets read it right).
        key_file: the JSON file with the answers: item to sample, turn, verdict and layer.
        count: messages.
        seed: of choice and order.

    Returns:
        The number of messages written.

    Raises:
        StoreError: one of them cannot be written; what stood there stands.
    """
    key = Key(seed, "annotation")
    piles: dict[bool, list[tuple[int, dict[str, str], dict[str, Any]]]] = {True: [], False: []}
    for sample in samples:
        for row, answer in _items(sample, key):
            pile = piles[answer["verdict"] == NoiseVerdict.APPLIED]
            pile.append((key.integer("pick", row["item"]), row, answer))
            if len(pile) > 4 * count:
                pile.sort(key=lambda entry: entry[0])
                del pile[count:]
    for pile in piles.values():
        pile.sort(key=lambda entry: entry[0])
    noisy = piles[True][: max(count // 2, count - len(piles[False]))]
    chosen = noisy + piles[False][: count - len(noisy)]
    chosen.sort(key=lambda entry: key.integer("order", entry[1]["item"]))
    # The key first, and both whole or not at all: a sheet without its key would be filled in for nothing.
    atomic_bytes(key_file, json.dumps({row["item"]: answer for _, row, answer in chosen}, indent=1).encode())
    table = io.StringIO(newline="")
    writer = csv.DictWriter(table, COLUMNS)
    writer.writeheader()
    writer.writerows({name: _safe(value) for name, value in row.items()} for _, row, _ in chosen)
    atomic_bytes(sheet, table.getvalue().encode("utf-8-sig"))
    return len(chosen)


def _items(sample: TrainingSample, key: Key) -> Iterable[tuple[dict[str, str], dict[str, Any]]]:
    results = {result["turn"]: result for result in noise_results(sample)}
    messages = list(sample.full_conversation or ())
    person = "; ".join(f"{name}: {value}" for name, value in (sample.persona_features or {}).items())
    for turn, place in enumerate(index for index, m in enumerate(messages) if m["role"] == "user"):
        result = results.get(turn, {})
        before = messages[place - 1]["content"] if place else ""
        item = "m" + key.hex("item", sample.sample_id, turn)[:9]  # with a letter: 123e45 is a number to a spreadsheet
        row = dict.fromkeys(COLUMNS, "") | {"item": item, "person": person, "before": before}
        answer = {
            "sample_id": sample.sample_id,
            "turn": turn,
            "verdict": str(result.get("verdict", NoiseVerdict.NOT_DRAWN)),
            "layer": result.get("layer"),
        }
        yield row | {"message": messages[place]["content"]}, answer


def _safe(text: str) -> str:
    """A cell that no spreadsheet takes for a formula."""
    return "'" + text if text.startswith(("=", "+", "-", "@", "\t", "\r")) else text


def read_sheets(sheets: Sequence[Path], key_file: Path) -> dict[str, Any]:
    """What annotators say: agreement among them, and the noise checker against them.

    Args:
        sheets: one filled-in sheet an annotator; empty cells are gaps.
        key_file: as ``write_sheet`` wrote it.

    Returns:
        ``annotators``, ``items``; ``agreement`` with Krippendorff's alpha by column and Cohen's kappa of each pair on
        ``noise``; ``checker``: precision and recall of "noise was applied", over all and by layer, against the majority
        (ties are left out); ``ratings``: means of noisy and of clean messages.

    Raises:
        InputError: a column or an item that the key does not know, a value that is no choice, an item that is judged
            twice, named by its line; a sheet that nobody filled in, or that is given twice.
    """
    if len({path.resolve() for path in sheets}) < len(sheets):
        raise InputError("annotate=: a sheet is named twice, and would agree with itself → one sheet an annotator")
    answers = json.loads(key_file.read_text("utf-8"))
    filled = [_read(path, answers) for path in sheets]
    by_item: dict[str, dict[str, list[Any]]] = defaultdict(lambda: defaultdict(list))
    for rows in filled:
        for item, row in rows.items():
            for column, value in row.items():
                by_item[item][column].append(value)
    labels = {item: columns["noise"] for item, columns in by_item.items() if columns.get("noise")}
    return {
        "annotators": len(sheets),
        "items": len(by_item),
        "agreement": {
            "noise": krippendorff_alpha(list(labels.values())),
            **{
                name: krippendorff_alpha([columns.get(name, []) for columns in by_item.values()], interval_distance)
                for name in RATINGS
            },
            "kappa_of_pairs": [_kappa(one, two) for one, two in combinations(filled, 2)],
        },
        "checker": _against_people(answers, labels),
        "ratings": _ratings(answers, by_item),
    }


def _read(path: Path, answers: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    text = _text(path)
    head = text.partition("\n")[0]
    # Spreadsheets save with whatever divides lists in the user's country.
    reader = csv.DictReader(io.StringIO(text, newline=""), delimiter=max(",;\t", key=head.count))
    missing = {"item", "noise"} - set(reader.fieldnames or ())
    if missing:
        raise InputError(f"{path}: there is no column {', '.join(sorted(missing))}; keep the header of the sheet")
    found: dict[str, dict[str, Any]] = {}
    for row in reader:
        if not any(row.values()):
            continue  # spreadsheets save empty lines too
        judged = _row(path, reader.line_num, row, answers)
        if found.setdefault(row["item"], judged) != judged:
            raise InputError(f"{path}:{reader.line_num}: item {row['item']} is judged twice → keep one of the lines")
    if not any(found.values()):  # counted as an annotator, it would make agreement look measured
        raise InputError(
            f"{path}: nothing is filled in → in the column noise one of {', '.join(NOISE_LABELS)} for each message "
            f"({', '.join(RATINGS)}: 1 to 5, where you like), or leave this sheet out"
        )
    return found


def _text(path: Path) -> str:
    raw = path.read_bytes()
    try:
        return raw.decode("utf-16" if raw[:2] in {b"\xff\xfe", b"\xfe\xff"} else "utf-8-sig")
    except UnicodeDecodeError as error:
        raise InputError(f"{path}: is not UTF-8 ({error}) → save it as CSV in UTF-8") from None


def _row(path: Path, line: int, row: Mapping[str, Any], answers: Mapping[str, Any]) -> dict[str, Any]:
    if row["item"] not in answers:
        raise InputError(f"{path}:{line}: item {row['item']!r} is not in the key file; keep sheet and key together")
    found: dict[str, Any] = {}
    label = (row["noise"] or "").strip().lower()
    label = _SHORT.get(label, label)
    if label and label not in NOISE_LABELS:
        raise InputError(f"{path}:{line}: noise is {label!r}; choose from {', '.join(NOISE_LABELS)}")
    if label:
        found["noise"] = label
    for name in RATINGS:
        value = (row.get(name) or "").strip()
        if value and value not in {"1", "2", "3", "4", "5"}:
            raise InputError(f"{path}:{line}: {name} is {value!r}; give 1 to 5, or leave it empty")
        if value:
            found[name] = int(value)
    return found


def _kappa(one: Mapping[str, Mapping[str, Any]], two: Mapping[str, Mapping[str, Any]]) -> float | None:
    shared = [item for item in sorted(one.keys() & two.keys()) if "noise" in one[item] and "noise" in two[item]]
    return cohen_kappa([(one[item]["noise"], two[item]["noise"]) for item in shared])


def _majority(labels: Sequence[str]) -> str | None:
    ranked = Counter(labels).most_common(2)
    return None if len(ranked) > 1 and ranked[0][1] == ranked[1][1] else ranked[0][0]


def _against_people(answers: Mapping[str, Any], labels: Mapping[str, Sequence[str]]) -> dict[str, Any]:
    people = {item: label for item, given in labels.items() if (label := _majority(given)) is not None}
    said = {
        item: str(answer["layer"]) if answer["verdict"] == NoiseVerdict.APPLIED else "none"
        for item, answer in answers.items()
    }
    return {
        "any_noise": precision_recall(
            {item: label != "none" for item, label in said.items()},
            {item: label != "none" for item, label in people.items()},
        ),
        **{
            layer: precision_recall(
                {item: label == layer for item, label in said.items()},
                {item: label == layer for item, label in people.items()},
            )
            for layer in NOISE_LABELS[1:]
        },
    }


def _ratings(answers: Mapping[str, Any], by_item: Mapping[str, Mapping[str, list[Any]]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name in RATINGS:
        groups: dict[str, list[int]] = {"noisy": [], "clean": []}
        for item, columns in by_item.items():
            noisy = answers[item]["verdict"] == NoiseVerdict.APPLIED
            groups["noisy" if noisy else "clean"] += columns.get(name, [])
        found[name] = {kind: sum(values) / len(values) if values else None for kind, values in groups.items()}
    return found
