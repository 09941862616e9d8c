"""The words of the synthetic reviews: 11 aspects of a telephone, what is said of each, and of any.

`N` in a phrase stands for one of the aspect's nouns. A phrase of an aspect needs no noun: "drains by noon" is
about the battery.
"""

from dataclasses import dataclass

Phrases = tuple[str, ...]


@dataclass(frozen=True)
class Aspect:
    """How often a review names it, by how much it is liked more than others, and its words.

    `own` holds the phrases that only this aspect has, by polarity: positive, negative, neutral.
    """

    name: str
    named_rate: float
    liked: float
    nouns: Phrases
    own: tuple[Phrases, Phrases, Phrases]


POSITIVE = ("good", "great", "excellent", "very nice", "amazing", "decent", "perfect", "better than expected")
NEGATIVE = ("bad", "poor", "terrible", "awful", "weak", "disappointing", "worse than expected", "a letdown")
NEUTRAL = ("average", "so so", "ordinary", "as expected", "acceptable", "decent", "nothing special", "okay")
"""Some words stand in two of the lists: people disagree on what is merely decent."""

PLAIN: tuple[Phrases, Phrases, Phrases] = (
    ("the N is *", "* N", "really like the N", "I love the N", "the N is * for the money"),
    ("the N is *", "* N", "the N annoys me", "hate the N", "the N is * for the money"),
    ("the N is *", "* N", "the N could be better", "can not judge the N yet", "the N is like any other"),
)
"""Without negation; `*` is a word of the polarity."""
NEGATED: tuple[Phrases, Phrases, Phrases] = (
    ("the N is not * - at all", "no problems with the N", "never had trouble with the N"),
    ("the N is not * +", "the N is not really * +", "I would not call the N * +"),
    ("the N is not * + but not * - either", "neither * + nor * - N", "the N is not that * -"),
)
"""With negation: `* +` is a positive word, `* -` a negative one."""
CONNECTORS = (" , ", " . ", " and ", " but ", " , though ", " ; ")
FILLERS = (
    "bought it last week",
    "using it for two months now",
    "it is for my mother",
    "my second one of this brand",
    "came from an older model",
    "got the black one",
    "ask me anything",
    "will update later",
    "first phone I ordered here",
    "hello everyone",
)

ASPECTS = (
    Aspect(
        "battery",
        0.46,
        0.0,
        ("battery", "battery life", "charging"),
        (
            ("lasts two days", "charges in no time", "still half full at night"),
            ("drains by noon", "needs the charger twice a day", "takes forever to charge"),
            ("lasts about a day", "charges at normal speed"),
        ),
    ),
    Aspect(
        "camera",
        0.36,
        0.05,
        ("camera", "photos", "selfie camera"),
        (
            ("takes sharp pictures", "night shots come out clear"),
            ("pictures are blurry", "photos look grainy in the dark"),
            ("photos are fine in daylight only", "takes pictures like my old one"),
        ),
    ),
    Aspect(
        "connectivity",
        0.22,
        -0.15,
        ("wifi", "signal", "bluetooth"),
        (
            ("holds a signal everywhere", "pairs at once"),
            ("keeps dropping calls", "loses the network indoors"),
            ("signal depends on the place", "one bar more or less"),
        ),
    ),
    Aspect(
        "delivery",
        0.2,
        0.1,
        ("delivery", "shipping", "packaging"),
        (
            ("arrived a day early", "box was well padded"),
            ("arrived two weeks late", "box was crushed"),
            ("arrived on the day they said", "came in a plain box"),
        ),
    ),
    Aspect(
        "design",
        0.3,
        0.15,
        ("design", "look", "finish"),
        (
            ("feels slim and light", "turns heads"),
            ("feels like cheap plastic", "scratches within days"),
            ("looks like all the others", "plain back cover"),
        ),
    ),
    Aspect(
        "performance",
        0.5,
        0.0,
        ("performance", "speed", "processor"),
        (
            ("runs every game smoothly", "never lags"),
            ("freezes all the time", "apps crash", "gets hot and slow"),
            ("fast enough for calls and mail", "slows down a little with many apps"),
        ),
    ),
    Aspect(
        "price",
        0.34,
        -0.05,
        ("price", "value", "deal"),
        (
            ("worth every cent", "a bargain"),
            ("overpriced", "costs too much", "waste of money"),
            ("costs about the same as others", "you get what you pay for"),
        ),
    ),
    Aspect(
        "screen",
        0.32,
        0.1,
        ("screen", "display", "touch screen"),
        (
            ("colours are bright", "easy to read in the sun"),
            ("dead pixels on day one", "too dark outside"),
            ("resolution is standard", "size is medium"),
        ),
    ),
    Aspect(
        "service",
        0.28,
        -0.05,
        ("service", "staff", "support"),
        (
            ("they answered within minutes", "very helpful people"),
            ("nobody answers the phone", "they refused the refund"),
            ("they answered after a few days", "did not need help so far"),
        ),
    ),
    Aspect(
        "sound",
        0.24,
        -0.05,
        ("sound", "speaker", "microphone"),
        (
            ("loud and clear", "rich bass"),
            ("crackles at high volume", "callers can not hear me"),
            ("loud enough for one person", "mono but works"),
        ),
    ),
    Aspect(
        "storage",
        0.14,
        -0.1,
        ("storage", "memory", "card slot"),
        (
            ("room for all my films", "never runs out of space"),
            ("full after a week", "no space left for apps"),
            ("64 gigabytes as stated", "enough if you delete now and then"),
        ),
    ),
)
