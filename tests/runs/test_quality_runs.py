"""Quality in whole runs: checks, statistics, judge, sheets for people, and files that were not made here."""

import csv
import json
import re
import shutil

import loopback
import pytest
from harness import content, dataset, lines, manifest, run
from loopback import LoopbackLLM

from personaloom.keyed import Key
from personaloom.tracking.metrics import metrics_of

SMALL = ("num_personas=3", "query.queries_per_persona=3")
REFERENCE_FIELDS = {
    "total_samples", "samples_by_split", "avg_turns", "avg_trajectory_length", "distractor_stats",
    "persona_distribution", "created_at",
}  # fmt: skip
JUDGED = ("quality=judged", "quality.judge.share=1")
OTHER_JUDGE = "llm.roles.judge.model=openai/judge-1"
real_answer = loopback.answer_to


def judging(body):
    """What a loopback judge says: 4 for everything that was asked."""
    name = (body.get("response_format") or {}).get("json_schema", {}).get("name", "")
    if not name.startswith("judge"):
        return real_answer(body)
    system = body["messages"][0]["content"]
    names = re.findall(r"^- (\w+):", system, re.MULTILINE)
    return json.dumps({"scores": [{"name": name, "score": 4, "reason": "As asked."} for name in names]})


@pytest.fixture
def judge_server(monkeypatch):
    monkeypatch.setattr(loopback, "answer_to", judging)
    with LoopbackLLM() as server:
        yield server


def at(server, *words):
    return ("llm=gpt4o", f"llm.base_url={server.base_url}", *SMALL, "distractor=light", *words)


def asked_of(server, model):
    return sum(request.body["model"] == model for request in server.requests)


def statistics(folder):
    return json.loads((folder / "statistics.json").read_text("utf-8"))


def samples(folder):
    return [s for split in ("train", "val", "test") for s in lines(folder / f"training_data/{split}_samples.jsonl")]


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """One simulated dataset of 120 conversations, to be looked at only."""
    out = tmp_path_factory.mktemp("quality")
    words = ("num_personas=40", "query.queries_per_persona=3", "training_data.formats=[jsonl,openai,sharegpt]")
    assert run(*words, "distractor=heavy", "distractor.pairs=true", out=out) == 0
    return dataset(out)


# -- statistics ------------------------------------------------------------------------------------------------------


def test_a_run_has_the_references_statistics_and_quality_in_every_place(made):
    found, facts = statistics(made), json.loads((made / "manifest.json").read_text("utf-8"))
    assert found.keys() >= REFERENCE_FIELDS
    assert found["total_samples"] == 120
    quality = found["quality"]
    assert "plumbing" in quality["note"] or "measuring works" in quality["note"]
    assert quality["noise"]["configured_rate"] == 0.6
    assert quality["noise"]["layer_mix_test"]["p"] is not None
    assert quality["coverage"]["features"]["formality_level"]["of_bank"] > 0
    assert quality["checks"]["rejected"]["n"] == 120
    figures = facts["quality"]["figures"]
    assert figures["turns"]["value"] == pytest.approx(found["avg_turns"])
    assert figures["turns"]["low"] < figures["turns"]["value"] < figures["turns"]["high"]
    logged = metrics_of(facts)
    assert logged["quality/near_duplicates"] == figures["near_duplicates"]["value"]
    assert logged["quality/turns_low"] == figures["turns"]["low"]


def test_switching_the_statistics_off_leaves_the_references(tmp_path):
    assert run(*SMALL, "quality=none", out=tmp_path) == 0
    assert statistics(dataset(tmp_path)).keys() >= REFERENCE_FIELDS
    assert statistics(dataset(tmp_path))["quality"] == {}
    assert run(*SMALL, out=tmp_path) == 0  # the same dataset, measured now
    assert statistics(dataset(tmp_path))["quality"]["lengths"]


# -- checks ----------------------------------------------------------------------------------------------------------


def test_filtering_takes_samples_out_with_a_reason_and_flagging_only_marks_them(tmp_path):
    pattern = "quality.checks.patterns={opening: '(?i)step'}"
    assert run(*SMALL, pattern, "name=flag", out=tmp_path) == 0
    assert run(*SMALL, pattern, "name=filter", "quality.action=filter", out=tmp_path) == 0
    folders = {path.name.split("-")[1]: path for path in (tmp_path / "datasets").iterdir()}
    facts = {name: json.loads((path / "manifest.json").read_text("utf-8")) for name, path in folders.items()}
    flagged = [s for s in samples(folders["flag"]) if "quality" in s["metadata"]]
    out = lines(folders["filter"] / "rejected_samples.jsonl")
    kept = samples(folders["filter"])
    assert 0 < len(flagged) == len(out) == facts["filter"]["counts"]["rejected_samples"]
    assert len(kept) + len(out) == 9 == facts["filter"]["counts"]["interactions"]
    assert {line["sample_id"] for line in out} == {s["sample_id"] for s in flagged}
    assert all("pattern" in line["reason"] for line in out)
    assert facts["filter"]["counts"]["samples"] == len(kept) == statistics(folders["filter"])["total_samples"]
    assert facts["flag"]["quality"]["flagged"] == len(flagged)
    assert not (folders["flag"] / "rejected_samples.jsonl").exists()
    assert facts["filter"]["fingerprints"]["noise"] == facts["flag"]["fingerprints"]["noise"]
    assert facts["filter"]["fingerprint"] != facts["flag"]["fingerprint"]


def test_flags_judge_and_measures_do_not_make_another_dataset(tmp_path):
    for words in ((), ("quality=none",), JUDGED, ("quality.checks.min_chars=2",)):
        assert run(*SMALL, *words, out=tmp_path) == 0
    assert dataset(tmp_path)


# -- pairs -----------------------------------------------------------------------------------------------------------


def test_robustness_pairs_become_preferences(tmp_path):
    words = ("distractor=heavy", "distractor.pairs=true", "training_data.formats=[jsonl,trl_preference]")
    assert run(*SMALL, *words, out=tmp_path) == 0
    folder = dataset(tmp_path)
    pairs = {line["pair_id"]: line for line in lines(folder / "robustness_pairs.jsonl")}
    found = [p for s in ("train", "val", "test") for p in lines(folder / f"training_data/{s}_trl_preference.jsonl")]
    assert 0 < len(found) <= len(pairs)
    for preference in found:
        pair = pairs[preference["pair_id"]]
        noisy, clean = pair["noisy"]["messages"], pair["clean"]["messages"]
        place = len(preference["prompt"])
        assert preference["prompt"] == noisy[:place]
        assert preference["rejected"] == [noisy[place]]
        assert preference["chosen"] == [clean[place]]
        assert preference["prompt"][-1]["role"] == "user"


# -- judge -----------------------------------------------------------------------------------------------------------


def test_scoring_a_stored_dataset_never_asks_a_model_to_write(tmp_path, judge_server):
    assert run(*at(judge_server), out=tmp_path) == 0
    before, made = len(judge_server.requests), content(dataset(tmp_path))
    stored = (f"dataset_dir={dataset(tmp_path)}", "stages=score,export", *JUDGED, OTHER_JUDGE)
    assert run(*stored, out=tmp_path) == 0
    later = judge_server.requests[before:]
    assert [request.body["model"] for request in later] == ["judge-1"] * 9
    facts = manifest(tmp_path)
    assert facts["quality"]["judge"]["judged"] == 9
    assert facts["quality"]["judge"]["models"] == {"openai/judge-1": 9}
    assert facts["quality"]["figures"]["judge_coherence"]["value"] == 4
    assert facts["usage"]["by_module"]["quality"]["calls"] == 9
    assert statistics(dataset(tmp_path))["quality"]["judge"]["counts"]["helpfulness"]["4"] == 9
    assert {s["metadata"]["judge"]["mean"] for s in samples(dataset(tmp_path))} == {4}
    now = content(dataset(tmp_path))
    assert {name: now[name] for name in ("interactions.jsonl", "personas.jsonl", "queries.jsonl")} == {
        name: made[name] for name in ("interactions.jsonl", "personas.jsonl", "queries.jsonl")
    }
    asked = len(judge_server.requests)
    assert run(*stored, out=tmp_path) == 0
    assert run(f"dataset_dir={dataset(tmp_path)}", "stages=export", out=tmp_path) == 0
    assert len(judge_server.requests) == asked
    assert manifest(tmp_path)["quality"]["judge"]["judged"] == 9  # stored scores stay, also where no judge is asked


def test_scoring_alone_renews_samples_statistics_and_manifest(tmp_path):
    assert run(*SMALL, out=tmp_path) == 0
    before = manifest(tmp_path)["counts"]
    assert run(*SMALL, "stages=score", out=tmp_path) == 0
    facts = manifest(tmp_path)
    assert facts["counts"] == before
    assert facts["quality"]["judge"]["judged"] == 9  # without quality.judge every sample, by the default rubric
    assert facts["usage"]["by_module"]["quality"]["calls"] == 9
    assert "training_data/train_samples.jsonl" in facts["files"]


def test_a_judge_never_judges_its_own_text(tmp_path, judge_server, capsys):
    assert run(*at(judge_server, *JUDGED), out=tmp_path) == 2
    assert "llm.roles.judge" in capsys.readouterr().err
    assert not judge_server.requests
    pool = "llm.pool=[{model: openai/gpt-4o}, {model: openai/judge-1}]"
    assert run(*at(judge_server, *JUDGED, pool, "llm.roles.user.model=openai/u", OTHER_JUDGE), out=tmp_path) == 0
    judge = manifest(tmp_path)["quality"]["judge"]
    written = [t["metadata"]["assistant_model"] for t in lines(dataset(tmp_path) / "interactions.jsonl")]
    assert judge["skipped"] == written.count("openai/judge-1") > 0
    assert judge["judged"] == written.count("openai/gpt-4o") > 0
    assert "may not judge it" in judge["skipped_because"][0]


def test_the_budget_holds_for_the_judge_and_a_raised_one_goes_on(tmp_path, judge_server):
    words = at(judge_server, *JUDGED, OTHER_JUDGE)
    assert run(*at(judge_server), out=tmp_path) == 0
    made = len(judge_server.requests)
    assert run(*words, f"engine.budget.max_calls={made + 4}", out=tmp_path) == 3  # what is spent counts
    assert asked_of(judge_server, "judge-1") == 4
    assert manifest(tmp_path)["quality"]["judge"]["judged"] == 4
    assert run(*words, out=tmp_path) == 0
    assert len(judge_server.requests) == made + 9
    assert manifest(tmp_path)["quality"]["judge"]["judged"] == 9


def test_a_score_that_failed_is_recorded_costs_no_conversation_and_is_made_up(tmp_path, monkeypatch):
    with LoopbackLLM() as server:  # answers the judge's schema with anything
        words = at(server, *JUDGED, OTHER_JUDGE)
        assert run(*words, out=tmp_path) == 0
        failed = lines(dataset(tmp_path) / "failures.jsonl")
        assert {line["stage"] for line in failed} == {"score"}
        assert not any(line["made_up"] for line in failed)
        assert manifest(tmp_path)["quality"]["judge"]["failed"] == len(failed)
        assert "could not be scored" in manifest(tmp_path)["notes"][-1]
        assert manifest(tmp_path)["counts"]["failed"] == 0
        monkeypatch.setattr(loopback, "answer_to", judging)
        assert run(*words, "ledger.mode='off'", out=tmp_path) == 0
    assert manifest(tmp_path)["quality"]["judge"]["judged"] == 9
    assert not lines(dataset(tmp_path) / "failures.jsonl")


def test_a_keyed_share_is_judged_and_a_larger_one_holds_it(tmp_path):
    judged = []
    for share in (0.4, 1.0):
        assert run(*SMALL, "quality=judged", f"quality.judge.share={share}", out=tmp_path) == 0
        judged.append({s["sample_id"] for s in samples(dataset(tmp_path)) if "judge" in s["metadata"]})
    assert 0 < len(judged[0]) < len(judged[1]) == 9
    assert judged[0] < judged[1]


def test_samples_are_filtered_by_score_and_the_simulated_judge_is_marked(tmp_path):
    assert run(*SMALL, *JUDGED, out=tmp_path) == 0
    means = {s["sample_id"]: s["metadata"]["judge"]["mean"] for s in samples(dataset(tmp_path))}
    least = sorted(means.values())[4]
    assert run(*SMALL, *JUDGED, f"quality.judge.min_mean={least}", out=tmp_path) == 0
    facts = manifest(tmp_path)
    kept = {s["sample_id"] for s in samples(dataset(tmp_path))}
    assert kept == {name for name, mean in means.items() if mean >= least}
    out = lines(dataset(tmp_path) / "rejected_samples.jsonl")
    assert {line["sample_id"] for line in out} == means.keys() - kept
    assert facts["quality"]["judge"]["refused"] == len(out) == facts["counts"]["rejected_samples"]
    assert "simulated judge" in facts["quality"]["judge"]["note"]
    assert run(*SMALL, out=tmp_path) == 0  # without the filter all are back, and nothing was generated
    assert manifest(tmp_path)["counts"]["samples"] == 9


# -- judged pairs ----------------------------------------------------------------------------------------------------

PAIRED = ("distractor=heavy", "distractor.pairs=true", "training_data.formats=[jsonl,trl_preference]")
COMPARED = (*JUDGED, OTHER_JUDGE, "quality.judge.pairs=true")


def preferring(rule):
    """A server's answers, with a rule for the judge's pairs: from the two conversations' texts to a winner."""

    def answer(body):
        if asks_for_pair(body):
            return json.dumps({"winner": rule(*two_sides(body)), "reason": "As told."})
        return judging(body)

    return answer


def asks_for_pair(body):
    return (body.get("response_format") or {}).get("json_schema", {}).get("name") == "judge_pair"


def two_sides(body):
    said = body["messages"][-1]["content"]
    return re.findall(r'<conversation number="\w+">(.*?)</conversation>', said, re.DOTALL)


def preferences(folder):
    files = [folder / f"training_data/{split}_trl_preference.jsonl" for split in ("train", "val", "test")]
    return {line["pair_id"]: line for path in files for line in lines(path)}


@pytest.fixture
def server_by_rule():
    """The server whose judge follows a rule that the test sets."""
    with LoopbackLLM() as server:
        server.reply = preferring(lambda *_: "tie")
        yield server


def longer(first, second):
    return "first" if len(first) > len(second) else "second"


def test_pairs_are_compared_in_both_orders_and_the_winner_is_preferred(tmp_path, server_by_rule):
    server = server_by_rule
    server.reply = preferring(longer)
    assert run(*at(server, *PAIRED, *COMPARED), out=tmp_path) == 0
    pairs = {line["pair_id"]: line for line in lines(dataset(tmp_path) / "robustness_pairs.jsonl")}
    asked = [request.body for request in server.requests if asks_for_pair(request.body)]
    assert len(asked) == 2 * len(pairs) > 0
    assert {body["model"] for body in asked} == {"judge-1"}
    sides = [tuple(two_sides(body)) for body in asked]
    assert all((two, one) in sides for one, two in sides)
    facts = manifest(tmp_path)
    winners = [line["judge"]["winner"] for line in pairs.values()]
    assert set(winners) == {"clean", "noisy"}
    assert preferences(dataset(tmp_path))
    found = facts["quality"]["pairs"]
    assert found["wins"] == {name: winners.count(name) for name in ("clean", "noisy")}
    assert found["compared"] == len(pairs) == sum(found["wins"].values())
    assert (found["disagreements"], found["ties"], found["models"]) == (0, 0, {"openai/judge-1": len(pairs)})
    shares = statistics(dataset(tmp_path))["quality"]["pairs"]["shares"]
    assert shares["clean"]["value"] == pytest.approx(winners.count("clean") / len(pairs))
    assert facts["quality"]["figures"]["pairs_clean"]["value"] == shares["clean"]["value"]
    assert metrics_of(facts)["quality/pairs_compared"] == len(pairs)
    assert facts["usage"]["by_module"]["quality"]["calls"] == 9 + len(asked)
    for name, line in preferences(dataset(tmp_path)).items():
        pair, place = pairs[name], len(line["prompt"])
        assert line["source"] == "judge"
        assert line["chosen"] == [pair[pair["judge"]["winner"]]["messages"][place]]
        assert line["prompt"] == pair["noisy"]["messages"][:place]
    before = len(server.requests)
    assert run(*at(server, *PAIRED, *COMPARED), out=tmp_path) == 0
    assert len(server.requests) == before


def test_a_judge_that_keeps_to_a_place_gives_ties_and_no_winner(tmp_path, server_by_rule):
    server = server_by_rule
    assert run(*at(server, *PAIRED), out=tmp_path) == 0
    plain = preferences(dataset(tmp_path))
    server.reply = preferring(lambda *_: "second")
    assert run(*at(server, *PAIRED, *COMPARED), out=tmp_path) == 0
    found = manifest(tmp_path)["quality"]["pairs"]
    assert found["wins"] == {"clean": 0, "noisy": 0}
    assert found["disagreements"] == found["compared"] == found["disagreements_by_place"]["second"] > 0
    assert preferences(dataset(tmp_path)) == plain
    kept = [s["metadata"]["pair"]["judge"] for s in samples(dataset(tmp_path)) if "pair" in s["metadata"]]
    assert {(note["winner"], note["consistent"]) for note in kept} == {("tie", False)}


def test_pairs_are_compared_only_when_asked_for_and_then_in_the_judged_share(tmp_path, server_by_rule):
    server = server_by_rule
    assert run(*at(server, *PAIRED, *JUDGED, OTHER_JUDGE), out=tmp_path) == 0
    assert not any(asks_for_pair(request.body) for request in server.requests)
    assert manifest(tmp_path)["quality"]["pairs"] is None
    assert run(*at(server, *PAIRED, *COMPARED, "quality.judge.share=0.5"), out=tmp_path) == 0
    pairs = lines(dataset(tmp_path) / "robustness_pairs.jsonl")
    chosen = {s["sample_id"] for s in samples(dataset(tmp_path)) if Key(42, "judge").chance(0.5, s["sample_id"])}
    assert {line["pair_id"] for line in pairs if "judge" in line} == chosen & {line["pair_id"] for line in pairs}
    assert sum(asks_for_pair(request.body) for request in server.requests) == 2 * sum("judge" in p for p in pairs)


def test_a_judge_never_compares_what_it_wrote(tmp_path, server_by_rule):
    writer = "llm.roles.noise.model=openai/judge-1"
    assert run(*at(server_by_rule, *PAIRED, *COMPARED, writer), out=tmp_path) == 0
    found = manifest(tmp_path)["quality"]["pairs"]
    assert found["compared"] == 0 < found["skipped"]
    assert "may not judge it" in found["skipped_because"][0]
    assert not any(asks_for_pair(request.body) for request in server_by_rule.requests)


def test_the_budget_holds_for_comparisons_and_failed_ones_are_asked_for_again(tmp_path, server_by_rule):
    server = server_by_rule
    assert run(*at(server, *PAIRED, *JUDGED, OTHER_JUDGE), out=tmp_path) == 0
    words, spent = at(server, *PAIRED, *COMPARED), len(server.requests)
    assert run(*words, f"engine.budget.max_calls={spent + 2}", out=tmp_path) == 3
    assert sum(asks_for_pair(request.body) for request in server.requests) == 2
    server.reply = preferring(lambda *_: "neither")
    assert run(*words, out=tmp_path) == 0
    found, failed = manifest(tmp_path), lines(dataset(tmp_path) / "failures.jsonl")
    assert {line["stage"] for line in failed} == {"pair"}
    assert found["quality"]["pairs"]["failed"] == len(failed) > 0
    assert found["counts"]["failed"] == 0
    assert not any(line["made_up"] for line in failed)
    server.reply = preferring(lambda *_: "tie")
    assert run(*words, "ledger.mode='off'", out=tmp_path) == 0
    found = manifest(tmp_path)
    assert found["quality"]["pairs"]["compared"] == found["quality"]["pairs"]["ties"] == found["counts"]["pairs"]
    assert not lines(dataset(tmp_path) / "failures.jsonl")


def test_an_estimate_counts_what_the_judge_is_asked(tmp_path, capsys):
    words = (*SMALL, "distractor=heavy", "distractor.pairs=true")
    judged = (*words, *JUDGED, "quality.judge.pairs=true")

    def estimated(*given):
        capsys.readouterr()
        assert run(*given, "--estimate", out=tmp_path) == 0
        found = capsys.readouterr().out
        row = re.search(r"^judge +(\d+) ", found, re.MULTILINE)
        return int(row[1]) if row else 0, "assistant_response" in found

    assert estimated(*words) == (0, True)
    whole, _ = estimated(*judged)
    assert estimated(*words, *JUDGED, "quality.judge.share=0") == (0, True)
    assert run(*words, out=tmp_path) == 0
    assert estimated(*words) == (0, False)
    later = estimated(*judged)
    stored = f"dataset_dir={dataset(tmp_path)}"
    assert estimated(stored, "stages=score") == (9, False)
    assert run(*judged, out=tmp_path) == 0
    facts = manifest(tmp_path)
    taken = facts["usage"]["by_module"]["quality"]["calls"]
    assert taken == 9 + 2 * facts["counts"]["pairs"] > 9
    assert later == (whole, False)
    assert whole == pytest.approx(taken, abs=2)
    assert estimated(*judged) == (0, False)


# -- several datasets ------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def siblings(tmp_path_factory):
    """Two judged datasets that differ in the assistant alone."""
    out = tmp_path_factory.mktemp("siblings")
    for name in ("a", "b"):
        assert run(*SMALL, *JUDGED, f"name={name}", f"llm.roles.assistant.model=simulated/{name}", out=out) == 0
    return out, sorted((out / "datasets").iterdir())


def test_scores_of_two_assistants_become_preferences(siblings):
    out, (one, two) = siblings
    assert run(f"preferences={one},{two}", out=out) == 0
    (folder,) = (out / "preferences").iterdir()
    found = [p for s in ("train", "val", "test") for p in lines(folder / f"{s}_trl_preference.jsonl")]
    known = [{s["sample_id"]: s for s in samples(path)} for path in (one, two)]
    assert found
    for preference in found:
        name = preference["pair_id"].rsplit("-t", 1)[0]
        means = {
            s["full_conversation"][len(preference["prompt"])]["content"]: s["metadata"]["judge"]["mean"]
            for s in (known[0][name], known[1][name])
        }
        assert preference["score_chosen"] == means[preference["chosen"][0]["content"]] == max(means.values())
        assert preference["score_rejected"] == means[preference["rejected"][0]["content"]] < preference["score_chosen"]
        assert preference["prompt"][-1]["role"] == "user"


@pytest.mark.parametrize("by", ["samples", "tokens"])
def test_arms_that_are_compared_have_equal_sizes(siblings, by):
    out, folders = siblings
    named = [folders[0], folders[1].name.rpartition("-")[2][:6]]  # a folder, and a fingerprint's beginning
    assert run(f"arms={by}:{named[0]},{named[1]}", "training_data.formats=[jsonl]", out=out) == 0
    (folder,) = (p for p in (out / "arms").iterdir() if p.name.startswith(by))
    arms = json.loads((folder / "arms.json").read_text("utf-8"))["arms"]
    sizes = [arm[by] for arm in arms.values()]
    assert abs(sizes[0] - sizes[1]) <= (0 if by == "samples" else max(sizes) / 9 * 2)
    for path in folders:
        kept, whole = samples(folder / path.name), {s["sample_id"]: s for s in samples(path)}
        assert len(kept) == arms[path.name]["samples"]
        assert all(whole[s["sample_id"]] == s for s in kept)  # the split too


def test_one_dataset_is_no_comparison(siblings, capsys):
    out, (one, _) = siblings
    assert run(f"arms={one}", out=out) == run(f"preferences={one}", out=out) == 2
    assert "preferences=A,B" in capsys.readouterr().err
    assert run(f"arms={one},nowhere", out=out) == run(f"preferences=nowhere,{one}", out=out) == 2
    said = capsys.readouterr().err
    assert "preferences=nowhere: nothing has that name, and no dataset's fingerprint begins so" in said
    assert f"in {out} there are: {one.name}" in said


# -- files that were not made here -----------------------------------------------------------------------------------


def measured(path, out, *words):
    assert run("stages=report", f"dataset={path}", *words, out=out) == 0
    (folder,) = (p for p in (out / "reports").iterdir() if p.name.startswith(f"{path.stem}-"))
    assert (folder / "report.html").stat().st_size > 10_000
    return statistics(folder), json.loads((folder / "manifest.json").read_text("utf-8"))


def written(path, records):
    path.write_text("".join(json.dumps(record) + "\n" for record in records), "utf-8")
    return path


def figure(facts, name):
    return facts["quality"]["figures"][name]["value"]


def test_others_files_have_statistics_and_a_report_like_ours(tmp_path, made):
    ours = samples(made)
    reference = [{key: s[key] for key in s if key != "metadata"} for s in ours]
    (tmp_path / "old.json").write_text(json.dumps(reference), "utf-8")
    found, facts = measured(tmp_path / "old.json", tmp_path)
    assert found.keys() >= REFERENCE_FIELDS
    assert found["total_samples"] == facts["counts"]["interactions"] == 120
    assert facts["counts"]["personas"] == 40
    own = statistics(made)
    for name in ("avg_turns", "persona_distribution"):
        assert found[name] == own[name]
    assert found["distractor_stats"]["samples_with_noise"] == own["distractor_stats"]["samples_with_noise"]
    assert found["quality"]["diversity"] == own["quality"]["diversity"]
    for name in ("openai", "sharegpt"):
        path = shutil.copy(made / f"training_data/train_{name}.jsonl", tmp_path / f"{name}.jsonl")
        found, facts = measured(tmp_path / f"{name}.jsonl", tmp_path)
        assert found["total_samples"] == len(lines(path)) == facts["counts"]["interactions"]
        assert figure(facts, "assistant_distinct_2") > 0


def test_a_dataset_made_worse_moves_the_figure_that_should_see_it(tmp_path, made):
    """Duplicated, truncated, personas shuffled: each is seen, by the same command for all."""
    good = samples(made)
    order = Key("shuffle").shuffled(range(len(good)))
    cut = [
        {**s, "full_conversation": [{**m, "content": m["content"][:25]} for m in s["full_conversation"][:-1]]}
        for s in good
    ]
    keys = ("persona_id", "persona_features")
    mixed = [s | {key: good[o][key] for key in keys} for s, o in zip(good, order, strict=True)]
    files = {"good": good, "twice": good + good[:60], "cut": cut, "mixed": mixed}
    facts = {name: measured(written(tmp_path / f"{name}.jsonl", data), tmp_path)[1] for name, data in files.items()}
    assert figure(facts["good"], "near_duplicates") < 0.1
    assert figure(facts["twice"], "near_duplicates") > 0.6
    assert facts["good"]["quality"]["by_check"].get("ending", 0) == 0
    assert facts["cut"]["quality"]["by_check"]["ending"] == 120
    assert (
        facts["cut"]["quality"]["figures"]["assistant_words"]["high"]
        < facts["good"]["quality"]["figures"]["assistant_words"]["low"]
    )
    assert figure(facts["mixed"], "style_effect") < 0.5 * figure(facts["good"], "style_effect")


def test_distances_to_a_reference_corpus_and_overlap_with_benchmarks_are_told(tmp_path, made, capsys):
    good = samples(made)
    corpus = written(tmp_path / "real.jsonl", good)
    (tmp_path / "bench.txt").write_text(good[0]["full_conversation"][1]["content"] + "\n", "utf-8")
    path = written(tmp_path / "mine.jsonl", good[:60])
    words = (f"quality.reference={corpus}", f"quality.decontaminate={{mine: {tmp_path / 'bench.txt'}}}")
    found, facts = measured(path, tmp_path, *words)
    assert found["quality"]["reference"]["reference_samples"] == 120
    assert figure(facts, "reference_turns") < 0.1
    assert figure(facts, "overlap_mine") >= 1 / 60
    said = capsys.readouterr().out
    assert "from the reference (120 samples), in bits" in said
    assert re.search(r"\n    turns +0\.0\d+  \(between its own halves 0\.", said)
    assert "\n  overlap mine" in said


def test_what_cannot_be_read_is_said(tmp_path, made, capsys):
    assert run("dataset=nowhere.jsonl", out=tmp_path) == 2
    assert run("stages=training", f"dataset={written(tmp_path / 'a.jsonl', [{'messages': []}])}", out=tmp_path) == 2
    assert run(f"dataset={made}", out=tmp_path) == 2
    assert "dataset_dir=" in capsys.readouterr().err
    assert run(f"dataset={written(tmp_path / 'b.jsonl', [{'x': 1}])}", out=tmp_path) == 2
    assert "in no format known here" in capsys.readouterr().err


# -- people ----------------------------------------------------------------------------------------------------------


def test_a_sheet_for_people_is_written_blind_and_read_back_into_manifest_and_report(tmp_path, capsys):
    assert run("num_personas=4", "distractor=heavy", out=tmp_path) == 0
    folder = dataset(tmp_path)
    assert run(f"annotate={folder.name[-12:]}", "quality.annotation.count=30", out=tmp_path) == 0
    sheet, key = folder / "annotation/sheet.csv", json.loads((folder / "annotation/key.json").read_text("utf-8"))
    with sheet.open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 30
    assert sum(answer["verdict"] == "applied" for answer in key.values()) == 15
    assert not any(answer["sample_id"] in sheet.read_text("utf-8") for answer in key.values())
    assert run(f"annotate={folder}", out=tmp_path) == 2  # somebody may be filling it in
    capsys.readouterr()
    assert run(f"annotate={sheet}", out=tmp_path) == 2
    assert "sheet.csv: nothing is filled in → in the column noise one of none, surface_noise" in capsys.readouterr().err
    filled = []
    for name in ("ann", "bo"):
        for row in rows:
            answer = key[row["item"]]
            row["noise"] = answer["layer"] if answer["verdict"] == "applied" else "none"
        rows[0]["noise"] = "none" if name == "bo" else rows[0]["noise"]
        filled.append(folder / f"annotation/{name}.csv")
        with filled[-1].open("w", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, rows[0])
            writer.writeheader()
            writer.writerows(rows)
    assert run(f"annotate={filled[0]},{filled[1]}", out=tmp_path) == 0
    people = manifest(tmp_path)["quality"]["people"]
    assert people["annotators"] == 2
    assert people["checker"]["precision"]["value"] == people["checker"]["recall"]["value"] == 1
    assert people["agreement"]["noise"] > 0.9
    assert run("num_personas=4", "distractor=heavy", "stages=export", out=tmp_path) == 0
    assert manifest(tmp_path)["quality"]["people"] == people
