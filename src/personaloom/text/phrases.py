# ruff: noqa: E501, RUF001 - word lists and patterns read best as they are
"""What the strategies say, by how informal the speaker is, and the patterns by which it is recognised in any text."""

from __future__ import annotations

import re

EMOTION_PHRASES = (
    ("I would greatly appreciate it.", "This matters a great deal to me.", "I must admit that I am somewhat worried about this.", "I would be most grateful.", "I am a little anxious about it, to be frank."),
    ("I'd really appreciate it.", "I'm a bit stressed about this.", "This is getting frustrating.", "It would mean a lot.", "I'm kind of nervous about it.", "Honestly, I'm struggling with this."),
    ("ugh this is driving me crazy", "i'm so stressed about this", "would be a lifesaver!!", "honestly kinda freaking out", "so frustrated rn", "really excited about this one!"),
)  # fmt: skip
URGENT_PHRASES = (
    ("I am afraid that it is rather urgent.", "I am under considerable pressure of time, I fear."),
    ("Sorry, it's kind of urgent.", "I'm worried I'll run out of time."),
    ("need this asap, kinda panicking", "super urgent sorry!!"),
)
FRAGMENT_PHRASES = (
    ("Between two meetings,", "Writing this on the train,", "Before I forget:", "On a short break here,"),
    (
        "Quick question,",
        "Sorry, on my phone here,",
        "Before I forget,",
        "Typing this on the bus,",
        "In between meetings,",
    ),
    (
        "quick q,",
        "on my phone so sorry,",
        "before i forget -",
        "ok sorry the dog was barking,",
        "brb in 5 but",
        "at the airport rn,",
    ),
)
NEGATION_PHRASES = (
    (
        "I do not quite know where to begin.",
        "I cannot settle this on my own.",
        "I have not managed this by myself.",
    ),
    (
        "I don't really know where to start.",
        "I can't figure this out on my own.",
        "I haven't managed it myself.",
    ),
    ("can't figure this out lol", "no idea where to start", "i don't get this at all"),
)
OPENERS = (("Well,", "So,"), ("So,", "Okay, so", "Alright,"), ("hey,", "yo,", "ok so", "soo"))
CONTEXT_PHRASES = (
    (
        "in the same manner as last time",
        "as we discussed before",
        "along the lines that I mentioned earlier",
        "in the usual fashion",
    ),
    ("like last time", "the usual way", "same as before", "like we discussed", "the way I mentioned earlier"),
    ("like last time", "u know, the usual", "same as before", "like we talked abt", "the way i said before"),
)
DELEGATE_PHRASES = (
    ("whatever you consider best", "I leave that to your judgment", "as you see fit"),
    ("whatever you think is best", "I'll leave it up to you", "whatever works", "I trust your judgment"),
    ("whatever u think is best", "up to you", "whatever works", "you decide lol"),
)
CONTRADICTION_PHRASES = (
    ("Please keep it very brief, but do not leave out a single detail.", "It should be strictly formal and at the same time casual and playful.", "It should be simple enough for a child, yet cover every technical edge case.", "There is no rush at all, although I need it immediately."),
    ("Keep it short but explain everything in detail.", "Make it professional but also really casual.", "Keep it simple but cover all the edge cases.", "No rush, but I need it right now."),
    ("keep it super short but dont leave anything out", "make it formal but also like really casual", "keep it simple but cover every edge case", "no rush but i need it right now"),
)  # fmt: skip
CHANGE_LEADS = (
    ("On second thought,", "Actually, I have changed my mind:"),
    ("Actually wait,", "On second thought,", "No, actually,", "Hmm, actually,"),
    ("actually wait", "no wait,", "scratch that,", "hmm actually", "nvm that,"),
)
CHANGE_TURNS = (
    "just give me a rough outline instead", "only the main points instead", "start with the basics instead", "make it about a different angle instead",
    "just check what I already have instead", "give me a list of options instead", "tell me first whether it is worth doing at all",
)  # fmt: skip
MULTI_LEADS = (
    ("One more thing: could you also", "While you are at it, could you also"),
    (
        "Oh and also can you",
        "By the way, can you also",
        "While you're at it, can you",
        "One more thing, can you",
    ),
    ("oh and also can u", "btw can you also", "almost forgot, can you", "one more thing, can u"),
)
OTHER_REQUESTS = (
    "suggest a good book for the weekend", "check the grammar of my last message", "recommend a podcast for my commute", "help me plan a birthday dinner",
    "explain how compound interest works", "find a simple stretching routine", "write a short thank-you note to my neighbor", "give me a packing list for a short trip",
    "recommend a houseplant that needs little light", "tell me how to remove a coffee stain", "suggest a name for a cat", "explain what an index fund is",
    "draft a polite reply to a late invoice", "plan a week of easy lunches", "compare two kinds of running shoes", "translate a short greeting into Italian",
    "suggest a few icebreakers for a meeting", "explain the rules of chess", "find a recipe for banana bread", "write a caption for a sunset photo",
)  # fmt: skip
BLURRED_ORDERS = (
    ("do something about", "attend to"), ("do something with", "help out with", "take care of"), ("do something w/", "deal with", "sort out"),
)  # fmt: skip

VAGUE_PHRASES: dict[str, tuple[str, ...]] = {
    "budget": ("not too expensive", "a reasonable price", "some affordable amount"),
    "length": ("not too long", "a decent length", "long enough"),
    "deadline": ("soon", "sometime soon", "whenever it's convenient"),
    "duration": ("a while", "not too long", "some time"),
    "share": ("a certain amount", "some part", "a good part"),
    "audience": ("some people", "certain people", "whoever needs it"),
    "format": ("some sensible form", "a suitable form", "some kind of layout"),
    "tool": ("something suitable", "some common tool", "whichever tool"),
    "language": ("some other language", "another language"),
    "constraint": ("with the usual limits", "within reason"),
    "quantity": ("a few of them", "some", "a couple or so"),
    "tone": ("nice enough", "kind of decent"),
    "location": ("somewhere around there", "some place or other"),
    "topic": ("that sort of thing", "stuff like that"),
    "object": ("that thing", "the thing", "that stuff"),
    "name": ("someone or something", "you know which"),
    "number": ("some amount", "a certain number"),
}
"""A vague stand-in for each kind of slot."""


def _any(*phrases: str) -> re.Pattern[str]:
    return re.compile(r"(?<![\w'’])(?:" + "|".join(phrases) + r")(?![\w])", re.IGNORECASE)


VAGUE_BY_SLOT: dict[str, re.Pattern[str]] = {
    kind: _any(*(re.escape(phrase) for phrase in phrases), *extra)
    for kind, phrases, extra in (
        (kind, phrases, {
            "budget": ("affordable", "reasonabl[ey](?: priced)?", "cheap(?:ish)?", r"(?:not|n't)[\w ]{0,15} (?:expensive|spend too much|break the bank)", "too (?:much|expensive|pricey)"),
            "length": ("(?:not |n't (?:be |make it )?)?too (?:long|short)", "brief(?:ish)?", "(?:short|long)ish", "detailed enough", "a (?:bit|few)", "medium"),
            "deadline": ("soon(?:ish)?", "whenever", "some ?time", "at some point", "(?:one of )?these days", "quick(?:ly)?", "asap", "eventually", "later"),
            "duration": ("a while", "some time", "(?:a )?(?:bit|few)", "not too long", "quick(?:ly|ish)?", "soon"),
            "quantity": ("a few", "some", "a couple", "several", "a bunch", "a handful", "enough", "many", "lots"),
            "number": ("a few", "some", "a couple", "several", "around", "roughly", "or so", "ish"),
            "share": ("some", "a bit", "a lot", "quite a bit", "much"),
            "audience": ("people", "someone", "everyone", "whoever", "anybody", "anyone", "folks"),
            "location": ("somewhere", "nearby", "around", "there", "some place"),
            "format": ("some (?:kind|sort|form)", "however", "any (?:form|format|way)", "nice(?:ly)?"),
            "tone": ("nice", "good", "kind of", "sort of", "kinda", "sorta", "ish"),
        }.get(kind, ()))
        for kind, phrases in VAGUE_PHRASES.items()
    )
}  # fmt: skip
VAGUE_ANY = _any(
    "something", "somehow", "somewhere", "some (?:kind|sort) of", "that (?:thing|stuff|sort of thing|one)", "the thing", "stuff(?: like that)?", "things?",
    "whatever", "or so", "or something", "a few", "a bit", "a while", "not too \\w+", "soon(?:ish)?", "reasonabl[ey]", "decent", "whenever", "whichever",
    "enough", "a certain \\w+", "some (?:amount|part|time|people|other \\w+)", "you know which", "kind of", "sort of", "several", "some", "usual limits",
    "within reason", "another language", "certain people",
)  # fmt: skip
CONTEXT = _any(
    "(?:like|as|same as|same way as|the one from|from) (?:last time|before|always|usual|previously|earlier)", "(?:like|as) (?:we|i|you) (?:\\w+ )?(?:discussed|talked|said|mentioned|did|agreed)(?: \\w+)?",
    "(?:the|my|our|u know, the) usual(?: way| one| \\w+)?", "in the usual fashion", "the (?:one|thing|way|lines?|things) (?:that )?(?:i|we) (?:\\w+ )?(?:mentioned|said|discussed|told|talked|sent|wanted|did)(?: \\w+)?",
    "same (?:as|thing|way|one)(?: as)? (?:before|last time|always)?", "you know (?:what i mean|the one|which one)", "the (?:same|other|previous|last) one", "in the same manner as last time", "(?:that|the) (?:earlier|previous) \\w+",
    "last time", "as before", "i mentioned(?: earlier| before)?", "we (?:discussed|talked about|talked abt)(?: before)?", "remember",
)  # fmt: skip
DELEGATE = _any(
    "whatever (?:you|u) (?:think|like|consider|prefer|want|feel)(?: is| works| looks)?(?: best)?", "(?:up|leave (?:it|that|this)(?: up)?) to (?:you|u|your judgme?nt)", "(?:you|u) (?:decide|choose|pick|know best)",
    "trust your (?:judge?ment|taste|call)", "whatever works(?: best)?", "dealer'?s choice", "as you see fit", "however (?:you|u) (?:like|think|want|see fit|prefer)(?: is best)?", "your call",
    "(?:i )?(?:don'?t|do not) (?:really )?(?:care|mind)(?: which| what| how)?", "whichever (?:you|u|is|works)", "anything (?:is fine|works|goes)", "i leave (?:that|it) to",
    "(?:i'?m |am )?not sure what(?:'s| is) (?:more |most )?important", "either (?:way|one) is fine", "no preference", "surprise me",
)  # fmt: skip
EMOTION = _any(
    "appreciate(?: it)?", "grateful", "stress(?:ed|ing|ful)?", "frustrat(?:ed|ing)", "worried", "anxious", "nervous", "struggling", "panick?(?:ing|ed)?", "freaking out", "excited", "driving me (?:crazy|nuts|mad|insane)",
    "urgent(?:ly)?", "asap", "lifesaver", "desperate(?:ly)?", "mean a lot", "matters a (?:great deal|lot)", "ugh+", "argh+", "omg", "wow", "please please", "so annoying", "annoy(?:ed|ing)", "hate", "love", "can'?t wait", "overwhelmed",
    "sorry", "thanks? (?:so much|a lot|a ton|in advance)", "thank you so much", "afraid", "hopefully", "really need", "need this (?:soon|done|pretty)", "pretty soon", "kind of urgent", "run out of time", "pressure", "disappointed",
    "happy", "sick of", "tired of", "upset", "glad", "please help", "seriously",
)  # fmt: skip
FRAGMENT = _any(
    "quick (?:q|question|one)", "(?:on|from) (?:my|the|a|mobile|phone)(?: (?:phone|mobile|train|bus|tablet|plane|subway|way|break|couch))?", "before i forget", "(?:between|in between)(?: two)? (?:meetings|classes|calls)", "brb", "at the (?:airport|gym|store|office|doctor'?s?|park)",
    "(?:writing|typing) this (?:on|from|while|in|at)", "the (?:dog|kids?|baby|cat|phone|doorbell) (?:was|is|are|were|just|keeps?)", "(?:my )?(?:coffee|lunch|battery|boss|kid|kids|bus|train|meeting|flight) (?:is|just|break|starts?|starting)", "on (?:a|my)(?: short)? break", "hang on",
    "in a (?:rush|hurry|meeting)", "(?:running|about to|gotta|have to) (?:run|late|head out|board|leave|go)", "just (?:got|woke|finished|came|sat)", "sorry,? (?:on|got|the|my|was|typing|phone)", "where was i", "anyway", "so yeah", "(?:waiting|sitting|standing) (?:for|in|at|on)", "at work", "otw",
)  # fmt: skip
CHANGE = _any(
    "actually,? (?:wait|no|hold on|never ?mind|make|let'?s|maybe|scratch|i|just|change|only|start|give|tell)", "(?:no|hmm+|oh|but|wait),? actually", "wait,? (?:no|actually|scratch)", "no,? wait", "scratch that", "on second thoughts?", "never ?mind(?: that| the)?", "nvm", "changed? my mind", "forget (?:that|what i said|it|about)",
    "or rather", "no,? make (?:it|that)", "hold on", "strike that", "come to think of it", "i take that back",
)  # fmt: skip
MULTI = _any(
    "(?:oh )?and also", "also,? (?:can|could|would|please|i need)", "btw", "by the way", "one more thing", "while (?:you'?re|you are|ur|u r) at it", "almost forgot", "oh and", "plus,? (?:can|could|i)", "another thing", "on top of that", "as well as", "in addition", "additionally",
    "and (?:can|could|would) (?:you|u)", "(?:can|could) (?:you|u) also", "i also", "separately", "unrelated(?:ly)?", "and then",
)  # fmt: skip
BLURRED = _any(
    "something (?:about|with|w/)",
    "(?:do|doing) something (?:about|with|w/)", "(?:fix|handle|sort|deal with|work on|help (?:me )?(?:out )?with|look at|take care of|attend to|sort out|improve|change|do)(?: up| out)? (?:this|that|it|these|those|the thing|things?|stuff|something)", "make (?:this|that|it|the \\w+) (?:better|good|nice|work|right|nicer)",
    "(?:this|that) (?:thing|stuff|one)", "not (?:really )?sure (?:whether|if|what) i (?:want|need|mean)", "(?:take care of|attend to|help out with|deal with|sort out)", "either \\w+ (?:it|this|that) or", "something like that", "do (?:your|ur) thing", "you know what to do",
)  # fmt: skip
_CONTRARY = (
    ("short ↔ complete", r"(?:super |very |really )?(?:short|brief|concise|quick|to the point)|not too long|(?:few|couple)(?: of)? (?:words|lines|sentences)", r"(?:in|every|all the|more|lots of|much|full|single|great)[ -](?:\w+ )?details?|detailed|comprehensive|thorough|in[- ]depth|leave (?:anything|nothing|out)|(?:explain|cover|include) (?:everything|all)|don'?t (?:skip|miss|leave)|long|exhaustive"),
    ("formal ↔ casual", r"formal|professional|serious|business(?:like)?|official", r"(?<!not too )(?:casual|playful|fun|funny|chill|informal|slangy?|jok(?:es?|ey)|silly|relaxed|laid[- ]back)"),
    ("simple ↔ exhaustive", r"simpl[ey]|basic|easy|beginner\w*|for a child", r"(?:all|every)(?: of)?(?: the)? (?:technical )?(?:edge[- ]cases?|technical\w*|details?|nuances?)|advanced|expert\w*|comprehensive|in[- ]depth|highly technical"),
    ("no hurry ↔ at once", r"no (?:rush|hurry)|take (?:your|ur) time|whenever", r"immediately|right (?:now|away)|asap|urgent\w*|at once|by (?:today|tonight|tomorrow)|in (?:an|one) hour"),
    ("quick ↔ perfect", r"quick(?:ly)?|fast|asap|rush(?:ed)?", r"(?:absolutely )?perfect(?:ly)?|flawless|no mistakes|take (?:your|ur) time|carefully"),
    ("cheap ↔ luxurious", r"cheap\w*|budget|low[- ]cost|inexpensive|not too expensive|spend (?:too )?much", r"luxur\w+|premium|high[- ]end|top[- ]of[- ]the[- ]line|five[- ]star|best money can buy|only the best"),
    ("keep ↔ change", r"(?:don'?t|do not) change (?:anything|a thing|it|the)|keep (?:it|everything) (?:the same|as it is)", r"(?:completely|totally|entirely) (?:different|new|rewrite|rework|change)|change (?:everything|all)|start over"),
    ("original ↔ like the rest", r"original|unique|creative", r"(?:exactly|just) like (?:everyone|every|the) (?:else|other|others)\w*|stick to the (?:standard|template|script)|nothing (?:new|unusual)"),
    ("with ↔ without", r"with (?:lots of |plenty of |many )?(?:examples|code|sources|numbers)|include (?:examples|code|sources|numbers)", r"(?:without|no|don'?t include|do not include) (?:any )?(?:examples|code|sources|numbers)"),
)  # fmt: skip
CONTRADICTIONS = tuple((label, _any(f"(?:{first})"), _any(f"(?:{second})")) for label, first, second in _CONTRARY)
"""Pairs of wishes that cannot both be met: label, one side, the other."""
