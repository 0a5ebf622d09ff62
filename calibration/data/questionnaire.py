"""The questionnaire: every item, what it is for and how an answer becomes a number. One list; workbook, page, codebook
and reading are made from it. It is not a validated instrument: docs/how-to/questionnaire.md says what that would take.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from valign.model.scenario.scenario import DIMENSIONS

CONTACTS = 5
MATTERS = ("not at all", "a little", "somewhat", "much", "very much")
AGREES = ("strongly disagree", "disagree", "neither agree nor disagree", "agree", "strongly agree")
ROLES = {
    "staff": ("staff", "worker", "support worker", "social worker", "care worker", "link worker", "key worker"),
    "manager": ("manager", "team leader", "team manager", "service manager", "lead"),
    "peer": ("peer", "peer advocate", "peer worker", "peer supporter", "expert by experience", "lived experience"),
    "commissioner": ("commissioner", "funder"),
}
ROLE_WORDS = {"staff": "staff", "manager": "manager", "peer": "peer advocate", "commissioner": "commissioner"}
USE = {
    "unaware": ("I had not heard of it", "not heard of it", "unaware", "0"),
    "aware": ("I know of it and have not used it", "know of it", "aware", "1"),
    "engaged": ("I use it", "use it", "engaged", "yes", "2"),
    "lapsed": ("I used it and stopped", "stopped", "lapsed", "3"),
}
CONSENT = {"yes": ("yes", "y", "true", "1", "agreed", "x"), "no": ("no", "n", "false", "0")}
VALUE_WORDS = {
    "client_agency": "people deciding for themselves",
    "lived_experience_voice": "the voice of lived experience",
    "relational_care": "care through relationships",
    "safety_and_rules": "safety and rules",
    "proof_of_effect": "proof that it works",
    "cashable_savings": "savings",
    "wider_social_value": "good for the community",
}
STATEMENTS = {
    "client_agency": (
        "People who use the service decide for themselves what help they want.",
        "People set their own goals, even where we would choose others for them.",
    ),
    "lived_experience_voice": (
        "People with lived experience have a real say in how the service is run.",
        "What people know from their own lives counts as much as what professionals know.",
    ),
    "relational_care": (
        "There is time to build trust with each person.",
        "Each person is supported by somebody who knows them well.",
    ),
    "safety_and_rules": (
        "Risks are kept low, for the people we support and for staff.",
        "Everybody keeps to clear rules and agreed procedures.",
    ),
    "proof_of_effect": (
        "We do what good studies have shown to work.",
        "We check with numbers whether what we do works.",
    ),
    "cashable_savings": (
        "The service saves public money that can be used elsewhere.",
        "What we spend on each person is kept as low as it can be.",
    ),
    "wider_social_value": (
        "The service does good for the neighbourhood, not only for the people it supports.",
        "Families, volunteers and local groups gain from what we do.",
    ),
}


@dataclass(frozen=True)
class Item:
    """A question: its number on paper, the name of its column, its words, what kind of answer it takes, where it comes
    from and how an answer becomes a number."""

    number: str
    column: str
    text: str
    kind: str  # matters, agrees, role, use, consent, service, person, contact
    origin: str = ""
    meaning: str = ""

    @property
    def scale(self) -> tuple[str, ...]:
        """The words of the scale, lowest first; empty for what has none."""
        return {"matters": MATTERS, "agrees": AGREES}.get(self.kind, ())

    @property
    def choices(self) -> tuple[str, ...]:
        """What may be chosen, as printed; empty where anything may be written."""
        return {
            "matters": MATTERS,
            "agrees": AGREES,
            "role": tuple(ROLE_WORDS.values()),
            "use": tuple(words[0] for words in USE.values()),
            "consent": ("yes", "no"),
        }.get(self.kind, ())


SHARE = "1 to 5 become 0, 0.25, 0.5, 0.75 and 1"
_WORK = "own wording of one of the seven values of the model; answers as in Henwood et al. 2013, from 1 to 5"
_JUDGED = (
    ("fits", 1, "{} fits what matters to me in my work.", "own wording of perceived value congruence (Cable & "
                                                          "DeRue 2002)"),
    ("fits", 2, "{} is the right way to help the people we support.", "own wording of appropriateness (Weiner et "
                                                                      "al. 2017)"),
    ("clear", 1, "I know what {} is for, and why it works as it does.", "own wording, from the studies behind "
                                                                        "the model: clarity and explicitness"),
    ("clear", 2, "I could explain to a colleague what {} stands for.", "own wording, as before"),
    ("identify", 1, "{} is part of what makes me the professional I am.", "own wording of identification (Mael & "
                                                                          "Ashforth 1992)"),
    ("identify", 2, "I feel that it concerns me when people criticise {}.", "own wording, as before"),
    ("climate", 1, "My manager expects us to use {}.", "own wording of implementation climate: expected (Klein & "
                                                       "Sorra 1996; Jacobs et al. 2014)"),
    ("climate", 2, "My manager gives us time, training or help to use {}.", "own wording of implementation "
                                                                            "climate: supported"),
    ("climate", 3, "Those who use {} are noticed and valued for it here.", "own wording of implementation "
                                                                           "climate: rewarded"),
)  # fmt: skip
_MEANS = {
    "fits": "mean of the two: alignment as people judge it",
    "clear": "mean of the two: how clear people think it is",
    "identify": "mean of the two: identification",
    "climate": "mean of the three: climate of the service",
}


@dataclass(frozen=True)
class Questionnaire:
    """The items for one innovation."""

    innovation: str = "the innovation"

    @cached_property
    def items(self) -> tuple[Item, ...]:
        """All items, in their order."""
        about = self.innovation
        found = [
            Item("1", "person", "Your number or name. The same in every wave.", "person", "", "pairs the waves; "
                                                                                              "never shown with "
                                                                                              "answers"),
            Item("2", "consent", "I agree that my answers are used.", "consent", "", "without yes, nothing of "
                                                                                     "this person is used"),
            Item("3", "service", "Which service do you work in?", "service", "", "the group whose mean is reported"),
            Item("4", "role", "What is your role?", "role", "", "staff, manager, peer advocate or commissioner"),
        ]  # fmt: skip
        for letter, block, asked, means in (
            ("A", "own", "How much does this matter to you in your work?", "what the person values"),
            ("B", "reads", f"How much does {about} stand for this, as you understand it?", "how the person reads it"),
        ):
            number = 0
            for half in (0, 1):  # the two items of a value stand seven apart, so that one does not echo the other
                for dimension in DIMENSIONS:
                    number += 1
                    text = f"{asked} {STATEMENTS[dimension][half]}"
                    words = f"{SHARE}; the mean of the two is {means} in “{VALUE_WORDS[dimension]}”"
                    found.append(
                        Item(f"{letter}{number}", f"{block} {dimension} {half + 1}", text, "matters", _WORK, words)
                    )
        for number, (name, nth, text, origin) in enumerate(_JUDGED, 1):
            means = f"{SHARE}; {_MEANS[name]}"
            found.append(Item(f"C{number}", f"{name} {nth}", text.format(about), "agrees", origin, means))
        found.append(
            Item("C10", "use", f"Do you use {about} in your work?", "use", "stages of the model", "where the person "
                                                                                                  "starts")
        )  # fmt: skip
        found += [
            Item(
                f"D{n}",
                f"contact {n}",
                f"Somebody you often talk to about your work: number or name ({n} of {CONTACTS}).",
                "contact",
                "a name generator, as in studies of diffusion (Coleman, Katz & Menzel 1966)",
                "a tie between the two",
            )
            for n in range(1, CONTACTS + 1)
        ]
        return tuple(found)

    @cached_property
    def columns(self) -> dict[str, Item]:
        """Items by the name of their column."""
        return {item.column: item for item in self.items}


def plain(text: str) -> str:
    """Letters and digits of a text, small, words apart by one space: how names of columns and words are compared."""
    return " ".join("".join(c if c.isalnum() else " " for c in text.casefold()).split())
