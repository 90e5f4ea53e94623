"""Small conversations for the tests of training data and of quality."""

from personaloom.records import Interaction, Message, NoiseResult


def noise(text, noisy=None, layer="surface_noise", verdict="applied", strategies=("typo_misspelling",)):
    index = {"surface_noise": 0, "incomplete_info": 1, "semantic_ambiguity": 2}.get(layer)
    return NoiseResult(
        text,
        text if noisy is None else noisy,
        layer,
        index,
        list(strategies if noisy else ()),
        {"verdict": verdict},
    )


def conversation(number=0, persona=0, turns=2, noises=(), mode="realtime", **metadata):
    """A conversation; ``noises`` are results for the first turns, the rest is clean."""
    persona_id = f"p{persona:06d}"
    slot = f"{persona_id}-q{number:02d}"
    results = list(noises) + [
        NoiseResult(f"question {turn} of {slot}", f"question {turn} of {slot}", metadata={"verdict": "not_drawn"})
        for turn in range(len(noises), turns)
    ]
    messages = []
    for turn, result in enumerate(results):
        said = result.original_text if mode == "posthoc" else result.noisy_text
        note = {"unit_id": f"{slot}-t{turn}"}
        if result.applied:
            note["noise"] = result.to_dict()
        messages += [Message("user", said, "2026-01-01T00:00:00+00:00", note)]
        messages += [Message("assistant", f"answer {turn} of {slot}", "2026-01-01T00:00:01+00:00")]
    return Interaction(
        slot, persona_id, {"role": "engineer", "tone_pref": "formal"}, f"seed query of {slot}",
        results[0].original_text, messages, turns,
        {"end_reason": "target_reached", "assistant_model": "simulated/a", "user_model": "simulated/u",
         "noise": [r.to_dict() for r in results], "noise_mode": mode, "prompts": {}, "target_turns": turns,
         "simulated": True, "supplement": 0, **metadata},
    )  # fmt: skip
