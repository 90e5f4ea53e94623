# ruff: noqa: E501, SIM905 - word lists and patterns read best as they are
"""Word lists that the rules read: function words, request verbs, everyday words, and what other languages look like."""

from __future__ import annotations

__all__ = [
    "COMMON_WORDS",
    "FOREIGN_WORDS",
    "FUNCTION_WORDS",
    "NUMBER_WORDS",
    "QUESTION_WORDS",
    "REQUEST_VERBS",
    "VERB_CLASS",
]

FUNCTION_WORDS = frozenset(
    """a about above after again against all also am an and any are aren't as at be because been before being below
    between both but by can can't could couldn't did didn't do does doesn't doing don't down during each either every few
    for from further had hadn't has hasn't have haven't having he her here hers herself him himself his how i i'd i'll i'm
    i've if in into is isn't it it's its itself just let's like many may me might mine more most much must my myself no nor
    not now of off on once only onto or other our ours ourselves out over own per please same shall she should shouldn't
    since so some such than that that's the their theirs them themselves then there there's these they they're this those
    through to too under until up upon us very was wasn't we we'd we'll we're we've were weren't what what's when where
    which while who whom whose why will with within without won't would wouldn't yes yet you you'd you'll you're you've
    your yours yourself""".split()
)
"""Words that carry grammar rather than content."""

QUESTION_WORDS = frozenset(
    [
        "what",
        "what's",
        "whats",
        "how",
        "how's",
        "why",
        "when",
        "where",
        "where's",
        "which",
        "who",
        "who's",
        "whose",
    ]
)

NUMBER_WORDS = {
    "one": "1", "two": "2", "three": "3", "four": "4", "five": "5", "six": "6", "seven": "7", "eight": "8", "nine": "9",
    "ten": "10", "eleven": "11", "twelve": "12", "fifteen": "15", "twenty": "20", "thirty": "30", "fifty": "50",
}  # fmt: skip

_VERB_GROUPS = (
    "write draft compose create make produce generate prepare develop craft author formulate",
    "explain describe clarify elaborate outline illustrate walk define interpret teach show tell demonstrate",
    "summarize summarise condense recap shorten",
    "fix debug repair solve resolve troubleshoot correct mend sort",
    "improve enhance optimize optimise refine polish tweak strengthen boost upgrade",
    "compare contrast distinguish differentiate weigh",
    "find search look locate identify discover get fetch",
    "recommend suggest propose advise pick choose select decide",
    "plan organize organise schedule arrange structure",
    "translate convert transform turn change rewrite rephrase paraphrase reword modify adapt adjust edit revise update",
    "review check proofread evaluate assess critique analyze analyse examine inspect audit verify validate test",
    "list enumerate give provide name share send offer",
    "calculate compute estimate count measure work determine figure",
    "build implement code design set setup configure install deploy add integrate program",
    "learn understand know study read research explore investigate",
    "book order buy reserve purchase rent",
    "remove delete drop cut clean reduce",
    "help assist support guide",
    "handle manage deal prevent avoid reduce cope",
    "start begin launch open run use apply",
    "predict forecast simulate model",
    "brainstorm imagine invent think consider discuss talk",
    "answer reply respond react",
    "expand extend lengthen continue finish complete",
    "memorize memorise remember practice practise rehearse prepare",
    "cook bake roast brew grow plant",
    "save invest spend pay budget negotiate",
)
VERB_CLASS: dict[str, int] = {}
"""Request verb to the number of its synonym group: ``write`` and ``draft`` ask for the same thing."""
for _number, _group in enumerate(_VERB_GROUPS):
    for _verb in _group.split():
        VERB_CLASS.setdefault(_verb, _number)

REQUEST_VERBS = frozenset(VERB_CLASS)

COMMON_WORDS = (
    FUNCTION_WORDS
    | REQUEST_VERBS
    | QUESTION_WORDS
    | frozenset(NUMBER_WORDS)
    | frozenset(
        """able account actually advice ago agree almost alone along already although always amount angle animal another
        answer anyone anything app application apply approach area argument around article ask aspect assignment audience
        away back bad bank base basic basically become best better beyond big bit blog body book boss both bread brief
        bring budget bullet business busy buy call car care career case cause chance change chapter child children choice
        city class clear client close code coffee cold college comment common community company complete complex concept
        concern condition consider content contract cool cost country couple course cover customer daily data database date
        day deadline decision deep detail detailed development device diet difference different difficult dinner document
        done door draft early easy economy education effect effective effort else email employee end energy engine english
        enough error especially essay etc even evening event ever everyone everything exactly exam example exercise
        experience expert explanation face fact family far fast feature feedback feel field file final find fine first fish
        fit flight focus follow following food form formal format forward free friend friendly full fun function future game
        garden general generally getting girl given giving glad goal goes going gone good great group guess guide hand happen
        happy hard health healthy hear heart heavy hello help helpful hey hi high history hold home hope hotel hour house
        however hundred idea image important include information input instead interest interesting internet interview
        introduction involve issue item job keep key kid kind kitchen knowledge language large last late later law lead
        least leave left less lesson letter level library life light line link little live local logic long lot love low
        main major manager market marketing material matter maybe mean meaning means meeting member memory message method
        mind minute mistake model modern money month morning moment move movie music name natural near need needed needs
        network never new news next nice night normal note nothing number office often okay old online open opinion option
        order outline output outside overview page paper paragraph parent part party past pay people perfect perhaps period
        person personal phone photo phrase picture piece place plan play point policy popular position possible post power
        practical present presentation pretty price principle private probably problem process product professional profile
        program project proof property public purpose put question quick quickly quiet quite rather reach real really reason
        recipe recently record relationship report request research response rest result resume right risk road role room
        routine rule said sales sample sauce say says scene schedule school science scope screen script second section see
        seem sentence server service session several short side sign simple simply single site situation size skill slide
        slow small social software solution someone something sometimes soon sorry sound source speak special specific speech
        speed spend sport staff stage standard state statement stay step still stop store story strategy stress strong
        structure student stuff style subject success suggestion summary summer sure system table take talk task team
        tech technical technique technology term test text thank thanks thing think thought thousand time tip tips title
        today together told tomorrow tone tonight took tool top topic total touch tour toward town track traffic training
        travel tree trip trouble true trust try trying turn tutorial type typical understanding unit university use used
        useful user usual usually vacation value various version video view visit voice wait walk wall want wants warm
        watch water way website week weekend weight welcome well went whatever whenever whether whole wide win window winter
        wish word work worker working world worry worth write writing wrong year yesterday young""".split()
    )
)
"""Everyday words: a capital at the start of a sentence does not make a name of one of these."""

FOREIGN_WORDS = frozenset(
    """el la los las una que del por para con como está este esta pero muy también puedes quiero necesito le les des une
    est dans pour avec sur pas vous nous je il elle mais très peux comment pourquoi der die das und ist nicht ein eine ich
    mit für auf wie kannst bitte warum il di che per una sono come perché vorrei gli della o uma não você como fazer
    preciso het een van niet met voor hoe kun jij och att det som inte jak nie jest czy""".split()
) - {"die", "a", "o", "per", "come", "van", "met", "the", "des", "nie", "il", "la", "con"}
"""Frequent words of other languages in Latin script that English does not have."""
