"""The judge: a schema, swapped places, never its own text; and people beside it."""

import asyncio
import csv
import json

import pytest

from personaloom.errors import ConfigError, InputError, MalformedReplyError
from personaloom.llm.prompts import PromptLibrary
from personaloom.llm.types import LLMReply, Role, Usage
from personaloom.quality import CRITERIA, Judge, read_sheets, write_sheet
from personaloom.quality.agreement import cohen_kappa, interval_distance, krippendorff_alpha, precision_recall
from personaloom.records import TrainingSample


def sample(name="s1", noisy=False, answer="Use a wrench.", writer="openai/writer"):
    text = "hw do i fx it" if noisy else "How do I fix it?"
    step = {
        "turn": 0, "text": "How do I fix it?", "noisy_text": text if noisy else None,
        "noise_type": "surface_noise" if noisy else None, "applied_strategies": [],
    }  # fmt: skip
    talk = [{"role": "user", "content": text}, {"role": "assistant", "content": answer}]
    notes = {"models": {"assistant": writer, "user": "openai/user"}, "persona_prompt": "You are Ann."}
    return TrainingSample(name, "p000000", {"role": "cook"}, "q", "How do I fix it?", [step], talk, 1, [], notes)


class Replies:
    """Answers like a judge that prefers the longer answer, or whatever a test wants."""

    def __init__(self, answer=None, model="openai/judge", provider="openai"):
        self.prompts = PromptLibrary()
        self.model, self.provider, self.answer, self.seen = model, provider, answer, []

    def models(self):
        return [{"role": "judge", "model": self.model, "provider": self.provider}]

    async def complete(self, request, accept=None):
        self.seen.append(request)
        parsed = self.answer(request.facts) if self.answer else scores(request.facts)
        reply = LLMReply(
            json.dumps(parsed), Usage(1, 1), self.model, parsed=parsed, simulated=self.provider == "simulated"
        )
        accept(reply)
        return reply


def scores(facts):
    return {"scores": [{"name": c["name"], "score": 4, "reason": "fine"} for c in facts["criteria"]]}


def test_scores_come_back_by_criterion_with_reasons():
    llm = Replies()
    found = asyncio.run(Judge().score(sample(noisy=True), llm))
    assert found.scores == dict.fromkeys(CRITERIA, 4)
    assert found.mean == 4
    assert found.model == "openai/judge"
    (request,) = llm.seen
    assert request.role is Role.JUDGE
    prompt = "\n".join(m.content for m in request.messages)
    for said in ("hw do i fx it", "How do I fix it?", "You are Ann.", "Use a wrench.", "noise_realism"):
        assert said in prompt


def test_noise_realism_is_asked_only_where_there_is_noise():
    found = asyncio.run(Judge().score(sample(), Replies()))
    assert "noise_realism" not in found.scores


@pytest.mark.parametrize(
    "reply",
    [
        {"scores": []},
        {"scores": [{"name": n, "score": 9, "reason": ""} for n in ("persona_adherence", "helpfulness", "coherence")]},
        {"scores": [{"name": "coherence", "score": 3, "reason": ""}] * 3},
    ],
)
def test_a_reply_that_misses_the_rubric_is_malformed(reply):
    with pytest.raises(MalformedReplyError):
        asyncio.run(Judge().score(sample(), Replies(lambda _: reply)))


def longer(facts):
    first, second = (len(talk[-1]["content"]) for talk in (facts["conversation"], facts["other"]))
    return {"winner": "tie" if first == second else "first" if first > second else "second", "reason": "longer"}


def test_a_pair_is_judged_twice_with_places_swapped():
    llm = Replies(longer)
    found = asyncio.run(Judge().compare(sample("a"), sample("b", answer="Use a wrench, slowly."), llm))
    assert (found.winner, found.consistent) == ("second", True)
    assert [r.facts["conversation"][-1]["content"] for r in llm.seen] == ["Use a wrench.", "Use a wrench, slowly."]
    assert llm.seen[0].key != llm.seen[1].key


def test_a_judge_that_always_prefers_the_first_place_gives_a_tie():
    found = asyncio.run(Judge().compare(sample("a"), sample("b"), Replies(lambda _: {"winner": "first", "reason": ""})))
    assert (found.winner, found.consistent) == ("tie", False)


def test_a_model_never_judges_what_it_wrote_and_the_call_is_not_paid():
    llm = Replies(model="openai/writer")
    found = asyncio.run(Judge().score(sample(), llm))
    assert "openai/writer wrote s1" in found.skipped
    assert asyncio.run(Judge().compare(sample(), sample(), llm)).skipped
    assert llm.seen == []


def test_a_simulated_judge_may_judge_simulated_text_and_says_so():
    llm = Replies(model="simulated/persona-1", provider="simulated")
    assert asyncio.run(Judge().score(sample(writer="simulated/persona-1"), llm)).simulated


def test_what_is_judged_at_a_share_is_judged_at_every_larger_one():
    ids = [f"p{i:06d}-q00" for i in range(2000)]
    chosen = [{i for i in ids if Judge(share=share).chosen(i)} for share in (0.1, 0.5, 1.0)]
    assert chosen[0] < chosen[1] < chosen[2] == set(ids)
    assert abs(len(chosen[0]) - 200) < 50


def test_low_scores_are_refused_and_unjudged_samples_kept():
    judged = asyncio.run(Judge().score(sample(), Replies()))
    assert Judge(min_mean=4).keeps(judged)
    assert not Judge(min_mean=4.5).keeps(judged)
    assert not Judge(min_scores={"coherence": 5}).keeps(judged)
    assert Judge(min_mean=5).keeps(judged.with_(scores={}))


def test_all_faults_of_a_judge_are_listed():
    with pytest.raises(ConfigError) as caught:
        Judge(share=2, criteria=["beauty"], min_mean=7, min_scores={"coherence": 0})
    assert len(caught.value.faults) == 4


def test_krippendorffs_alpha_is_the_published_example():
    # Krippendorff 2011, "Computing Krippendorff's Alpha-Reliability", example C: nominal data, gaps, 0.743.
    raters = (
        "1 2 3 3 2 1 4 1 2 . . .",
        "1 2 3 3 2 2 4 1 2 5 . 3",
        ". 3 3 3 2 3 4 2 2 5 1 .",
        "1 2 3 3 2 4 4 1 2 5 1 .",
    )
    units = [[int(v) for v in column if v != "."] for column in zip(*(r.split() for r in raters), strict=True)]
    assert krippendorff_alpha(units) == pytest.approx(0.743, abs=0.001)
    assert krippendorff_alpha(units, interval_distance) == pytest.approx(0.849, abs=0.001)
    assert krippendorff_alpha([[1, 1], [1, 1]]) is None


def test_cohens_kappa_by_hand():
    pairs = [("y", "y")] * 20 + [("y", "n")] * 5 + [("n", "y")] * 10 + [("n", "n")] * 15
    assert cohen_kappa(pairs) == pytest.approx(0.4)
    assert cohen_kappa([]) is None


def test_precision_and_recall_by_hand():
    found = precision_recall({"a": True, "b": True, "c": False, "x": True}, {"a": True, "b": False, "c": True})
    assert found["precision"]["value"] == found["recall"]["value"] == 0.5
    assert found["items"] == 3


def sheets(tmp_path, label, names=("one.csv",), count=20):
    samples = [sample(f"s{i}", noisy=i % 2 == 0, answer="=SUM(A1)") for i in range(40)]
    write_sheet(samples, tmp_path / "sheet.csv", tmp_path / "key.json", count)
    answers = json.loads((tmp_path / "key.json").read_text())
    with (tmp_path / "sheet.csv").open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file))
    for number, name in enumerate(names):
        with (tmp_path / name).open("w", newline="") as file:
            writer = csv.DictWriter(file, rows[0].keys())
            writer.writeheader()
            writer.writerows(row | {"noise": label(number, answers[row["item"]]), "realism": "4"} for row in rows)
    return rows, answers


def test_a_sheet_is_blind_mixed_and_balanced(tmp_path):
    rows, answers = sheets(tmp_path, lambda *_: "none")
    assert len(rows) == 20
    verdicts = [answers[row["item"]]["verdict"] for row in rows]
    assert verdicts.count("applied") == 10
    assert verdicts != sorted(verdicts)
    shown = (tmp_path / "sheet.csv").read_text("utf-8-sig")
    assert "applied" not in shown
    assert "surface_noise" not in shown
    assert "s1" not in shown


def test_people_who_see_what_the_checker_sees_give_it_full_marks(tmp_path):
    sheets(tmp_path, lambda _, a: a["layer"] or "none", ("one.csv", "two.csv"))
    found = read_sheets([tmp_path / "one.csv", tmp_path / "two.csv"], tmp_path / "key.json")
    assert found["annotators"] == 2
    assert found["agreement"]["noise"] == 1
    assert found["agreement"]["kappa_of_pairs"] == [1]
    assert found["checker"]["any_noise"]["precision"]["value"] == found["checker"]["any_noise"]["recall"]["value"] == 1
    assert found["ratings"]["realism"] == {"noisy": 4, "clean": 4}


def test_noise_that_people_do_not_see_lowers_precision_and_disagreement_lowers_alpha(tmp_path):
    sheets(tmp_path, lambda number, a: "none" if number else (a["layer"] or "none"), ("one.csv", "two.csv"))
    alone = read_sheets([tmp_path / "two.csv"], tmp_path / "key.json")
    assert alone["checker"]["any_noise"]["precision"]["value"] == 0
    both = read_sheets([tmp_path / "one.csv", tmp_path / "two.csv"], tmp_path / "key.json")
    assert both["agreement"]["noise"] < 0.2
    assert both["checker"]["any_noise"]["items"] == 10  # ties are left out


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda row: {**row, "noise": "a bit"}, r"one\.csv:2: noise is 'a bit'"),
        (lambda row: {**row, "item": "zzz"}, r"one\.csv:2: item 'zzz' is not in the key"),
        (lambda row: {**row, "realism": "9"}, r"one\.csv:2: realism is '9'"),
        (lambda row: {k: v for k, v in row.items() if k != "noise"}, "no column noise"),
    ],
)
def test_a_sheet_that_was_filled_in_wrongly_is_named_by_its_line(change, said, tmp_path):
    rows, _ = sheets(tmp_path, lambda *_: "none")
    changed = [change(row) for row in rows]
    with (tmp_path / "one.csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, changed[0].keys())
        writer.writeheader()
        writer.writerows(changed)
    with pytest.raises(InputError, match=said):
        read_sheets([tmp_path / "one.csv"], tmp_path / "key.json")


def test_no_cell_can_be_taken_for_a_formula(tmp_path):
    talk = sample().with_(
        full_conversation=[{"role": "user", "content": "=HYPERLINK(1)"}, {"role": "assistant", "content": "ok"}]
    )
    write_sheet([talk], tmp_path / "sheet.csv", tmp_path / "key.json")
    with (tmp_path / "sheet.csv").open(encoding="utf-8-sig", newline="") as file:
        assert next(csv.DictReader(file))["message"] == "'=HYPERLINK(1)"


@pytest.mark.parametrize(("encoding", "mark"), [("utf-8-sig", ";"), ("utf-8", "\t"), ("utf-16", "\t")])
def test_a_sheet_is_read_as_spreadsheets_of_any_country_save_it(encoding, mark, tmp_path):
    rows, answers = sheets(tmp_path, lambda *_: "none")
    assert all(row["item"].startswith("m") for row in rows)  # 123e45 would come back as another number
    with (tmp_path / "saved.csv").open("w", encoding=encoding, newline="") as file:
        writer = csv.DictWriter(file, rows[0].keys(), delimiter=mark)
        writer.writeheader()
        writer.writerows([*({**row, "noise": "none"} for row in rows), dict.fromkeys(rows[0], "")])
    assert read_sheets([tmp_path / "saved.csv"], tmp_path / "key.json")["items"] == len(answers)


def test_a_sheet_agrees_with_no_copy_of_itself_and_no_item_is_judged_twice(tmp_path):
    rows, _ = sheets(tmp_path, lambda *_: "none")
    with pytest.raises(InputError, match="named twice"):
        read_sheets([tmp_path / "one.csv", tmp_path / "." / "one.csv"], tmp_path / "key.json")
    with (tmp_path / "one.csv").open("a", newline="") as file:
        csv.DictWriter(file, rows[0].keys()).writerow({**rows[0], "noise": "incomplete"})
    with pytest.raises(InputError, match="judged twice"):
        read_sheets([tmp_path / "one.csv"], tmp_path / "key.json")
    (tmp_path / "old.csv").write_bytes(b"item,noise\r\nm1,gr\xf6\xdfer\r\n")
    with pytest.raises(InputError, match="not UTF-8"):
        read_sheets([tmp_path / "old.csv"], tmp_path / "key.json")
