"""Which columns say what a lender may not go by: sex, age, marriage, ethnicity, religion, nationality, disability.

Found by their names, in several languages, and by what their values are called. Such a column is never in a model; it
is what the adverse-impact table is made of.
"""

import re
from collections.abc import Collection

_ATTRIBUTES: dict[str, frozenset[str]] = {
    "sex": frozenset(
        [
            "sex",
            "gender",
            "male",
            "female",
            "man",
            "woman",
            "geschlecht",
            "sexe",
            "sexo",
            "genero",
            "género",
            "kelamin",
            "pol",
            "genre",
            "sesso",
            "kön",
            "isfemale",
            "ismale",
            "codegender",
        ]
    ),
    "age": frozenset(
        [
            "age",
            "birth",
            "dob",
            "birthday",
            "birthdate",
            "alter",
            "edad",
            "umur",
            "usia",
            "vozrast",
            "geburtsdatum",
            "idade",
            "naissance",
        ]
    ),
    "marital status": frozenset(
        [
            "marital",
            "marriage",
            "married",
            "spouse",
            "divorced",
            "maritalstatus",
            "familienstand",
            "famges",
            "civil",
            "estadocivil",
            "perkawinan",
            "matrimonial",
            "wedlock",
            "widow",
            "widowed",
            "personalstatus",
        ]
    ),
    "ethnicity": frozenset(
        [
            "race",
            "ethnic",
            "ethnicity",
            "ethnie",
            "tribe",
            "caste",
            "nationality",
            "citizenship",
            "citizen",
            "foreign",
            "foreigner",
            "gastarb",
            "immigrant",
            "religion",
            "religious",
            "faith",
            "colour",
            "hispanic",
            "latino",
            "minority",
            "nacionalidad",
            "staatsangehörigkeit",
            "native",
        ]
    ),
    "disability": frozenset(["disability", "disabled", "handicap", "handicapped", "pregnant", "pregnancy"]),
}
_PAIRS: dict[tuple[str, str], str] = {
    ("family", "status"): "marital status",
    ("personal", "status"): "marital status",
    ("estado", "civil"): "marital status",
    ("civil", "status"): "marital status",
    ("national", "origin"): "ethnicity",
    ("country", "birth"): "ethnicity",
    ("country", "origin"): "ethnicity",
    ("skin", "color"): "ethnicity",
    ("native", "country"): "ethnicity",
    ("jenis", "kelamin"): "sex",
}
_NEEDS_A_PAIR = frozenset(("civil", "native", "man", "pol", "colour", "foreign", "genre"))
"""Words that say so only alone, or in a pair."""
_BESIDE_AGE = frozenset(
    [
        "age",
        "alter",
        "edad",
        "umur",
        "usia",
        "idade",
        "years",
        "year",
        "yrs",
        "yr",
        "in",
        "of",
        "at",
        "the",
        "applicant",
        "customer",
        "client",
        "borrower",
        "person",
        "group",
        "band",
        "bucket",
        "range",
        "class",
        "cat",
        "category",
        "bin",
        "grp",
        "days",
        "months",
        "jahre",
        "num",
        "code",
        "n",
        "x",
        "application",
        "current",
        "user",
        "member",
    ]
)
"""The age of a person, and not of an account: what else such a name may have in it."""
_VALUES: dict[str, frozenset[str]] = {
    "sex": frozenset(
        [
            "male",
            "female",
            "man",
            "woman",
            "männlich",
            "weiblich",
            "hombre",
            "mujer",
            "masculino",
            "femenino",
            "homme",
            "femme",
        ]
    ),
    "marital status": frozenset(["married", "divorced", "widowed", "widow", "separated", "unmarried"]),
}
_FEW = frozenset(("m", "f", "x", "u", "w", "d", "other", "unknown", "xna", "nonbinary"))


def attribute_of_name(name: str) -> str | None:
    """The attribute that a column's name speaks of."""
    words = _words(name)
    for n, word in enumerate(words):
        for other in words[n + 1 :]:
            if attribute := _PAIRS.get((word, other)):
                return attribute
    joined = "".join(words)
    for attribute, names in _ATTRIBUTES.items():
        if joined in names:
            return attribute
        for word in words:
            if word not in names or (word in _NEEDS_A_PAIR and len(words) > 1 and words != [word, "worker"]):
                continue
            if word in ("age", "alter", "edad", "umur", "usia", "idade") and not set(words) <= _BESIDE_AGE:
                continue
            return attribute
    return None


def attribute_of_values(levels: Collection[str]) -> str | None:
    """The attribute that a column's values are names of."""
    texts = {text.lower() for text in levels}
    if not 2 <= len(texts) <= 12:
        return None
    if {"m", "f"} <= texts <= _FEW:
        return "sex"
    for attribute, known in _VALUES.items():
        said = [text for text in texts if set(re.findall(r"[^\W\d_]+", text)) & known]
        if len(said) >= 2 or (attribute == "marital status" and said and "single" in " ".join(texts)):
            return attribute
    return None


def _words(name: str) -> list[str]:
    """``CODE_GENDER``, ``codeGender`` and ``code gender`` are two words."""
    parted = re.sub(r"(?<=[a-zà-ÿ])(?=[A-Z])", " ", name)
    return [word for word in re.split(r"[\W_]+|(?<=\D)(?=\d)|(?<=\d)(?=\D)", parted.lower()) if word]
