"""The front door of a page: what it is in a hundred words, and five questions in the words of a service.

Words for people stand here, and travel to the page with the scenario; the page itself has none of the field's.
"""

from __future__ import annotations

from typing import Any

# Placeholders: {innovation}, {services} with their number, {people}, {runs}
OPENING = (
    "A model of how {innovation} may spread in {services} with about {people} people. Staff, managers, people with "
    "lived experience and commissioners each hold values; they hear of it, judge whether it fits, take it up or drop "
    "it. Every setting is run {runs} times, because chance matters: so you see a range, not one line.",
    "It is not a forecast. Many of its numbers are assumed rather than measured, most costs and effects of actions "
    "among them. Use it to find out what could make a difference, and to discuss why. Nothing you do here leaves your "
    "browser.",
)

# tab: in a word or two. name: the question; {budget} is what there is to spend. says: what to do. show: which controls.
# trial: what the page can run for it, and its button. headline: what its sentence is about. beyond: what needs valign.
QUESTIONS: list[dict[str, Any]] = [
    {
        "id": "spread",
        "tab": "Spread",
        "name": "Will it spread here?",
        "says": "Read the sentence and the two charts first: that is how it goes if nothing is done. Then switch on "
        "actions and see what they change, or try whom to convince first. What is not known, and what matters most of "
        "it, stands further down.",
        "show": ["actions"],
        "headline": "spread",
        "trial": "convince",
        "button": "Whom to convince first? Try each group",
        "beyond": [],
    },
    {
        "id": "money",
        "tab": "Money",
        "name": "What should we do with {budget}?",
        "says": "Enter your budget, then let the page try every action that it pays for, and pairs of the best ones. "
        "Or put a mix together yourself.",
        "show": ["budget", "actions", "events"],
        "headline": "gain",
        "trial": "money",
        "button": "Try what {budget} can buy",
        "beyond": [
            "Each action begins in month 1 here. With valign installed, `valign decide {name} --budget {pounds}` "
            "weighs what is not known in a thousand worlds, when to begin, mixes of three, and what a study would be "
            "worth."
        ],
    },
    {
        "id": "ready",
        "tab": "Readiness",
        "name": "Is our service ready?",
        "says": "Readiness here means how well the innovation fits what people hold important. Typical values are in "
        "the page; for your own service, ask its people with the questionnaire, type in the average answers of each "
        "group, and try.",
        "show": ["answers", "level", "actions"],
        "headline": "spread",
        "trial": "ready",
        "button": "Try several levels of alignment",
        "beyond": [
            "The questionnaire goes to staff, managers, people with lived experience and commissioners; it takes ten "
            "minutes. Averages of groups leave out how people differ, who talks to whom, and how they read the "
            "innovation. With valign installed, every answer counts: `valign survey new --innovation {name}` writes "
            "the form to type them into, `valign diagnose answers.xlsx` says where your service stands, and `valign "
            "page answers.xlsx` makes this page for your services; `valign explore` does all of it in the browser. "
            "Answers stay on your machine."
        ],
        "served": {
            "says": "Readiness here means how well the innovation fits what people hold important. Your own service "
            "needs its own answers: choose the filled-in questionnaire, and press “Where do we stand?”. When it has "
            "been read, a link to the page of your services stands at the top; there, this question is tried at once.",
            "beyond": ["An empty questionnaire comes from `valign survey new --innovation {name}`."],
        },
        "answered": {
            "says": "Readiness here means how well the innovation fits what people hold important. This page holds the "
            "answers of your questionnaire: try whether its services are ready, and how much would change if people "
            "stood closer to it, or further away.",
            "beyond": [],
        },
    },
    {
        "id": "ending",
        "tab": "Funding",
        "name": "What happens when funding ends?",
        "says": "Switch on “Funding ends everywhere” and choose the month. Then look at whether services go on without "
        "it, and whether people do.",
        "show": ["events", "actions"],
        "headline": "sustained",
        "trial": "ending",
        "button": "Try several dates",
        "beyond": [],
    },
    {
        "id": "true",
        "tab": "Conditions",
        "name": "What would have to be true?",
        "says": "Say what you would call a success. The page moves one thing at a time through its plausible range, "
        "and says which of them get there alone.",
        "show": ["goal", "actions", "levers", "level"],
        "headline": "spread",
        "trial": "true",
        "button": "Search one thing at a time",
        "beyond": [
            "One thing at a time, over the ranges in which the parameters are thought to lie. `valign sensitivity "
            "{name}` moves all of them together."
        ],
    },
    {
        "id": "all",
        "tab": "All levers",
        "name": "All levers",
        "says": "Everything that this page can move, for those who know the model.",
        "show": ["answers", "budget", "actions", "events", "level", "levers"],
        "headline": "spread",
        "trial": "",
        "button": "",
        "beyond": [],
    },
]

# What would be called a success: an outcome that is to reach a value in the middle run
GOALS = [
    {"name": "people", "outcome": "uptake_final", "least": 0.5, "says": "half of the people use it at the end"},
    {"name": "services", "outcome": "spread_final", "least": 0.5, "says": "half of the services use it at the end"},
    {
        "name": "lasting",
        "outcome": "sustained_24",
        "least": 0.5,
        "says": "half of the services still use it two years after funding",
    },
]

# Outcomes in a word, in the order in which they are shown
CARDS = [
    {"name": "uptake_final", "label": "People who use it, at the end"},
    {"name": "spread_final", "label": "Services that use it, at the end"},
    {"name": "sustained_24", "label": "Of services whose funding ended: still using it two years later"},
    {"name": "recommissioned", "label": "Services that got a commissioner's contract, of those that started"},
    {"name": "alignment_final", "label": "Alignment of values at the end (0 to 1)"},
    {"name": "money_spent", "label": "Paid to services for it, actions apart"},
]

# Why a service starts, by term of its decision
WHY_START = {
    "base": "how readily a service starts anything new",
    "fit": "how well it fits what its people hold important",
    "evidence": "how its managers see the evidence",
    "peers": "neighbouring services that use it",
    "legitimacy": "how usual it has become",
    "slack": "time and money to spare",
    "funds": "national money for pilots",
    "mandate": "the mandate",
}
