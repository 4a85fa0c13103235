"""Invented genres and titles, so that a simulated item's content tells of its taste."""

from typing import Final

GENRES: Final = (
    "Drama", "Comedy", "Thriller", "Science fiction", "Romance", "Horror", "Adventure", "Crime",
    "Documentary", "Fantasy", "Western", "Musical",
)  # fmt: skip

_ADJECTIVES: Final = (
    "Silent", "Golden", "Broken", "Distant", "Burning", "Hidden", "Restless", "Frozen", "Crimson",
    "Gentle", "Hollow", "Endless",
)  # fmt: skip

_NOUNS: Final = {
    "Drama": ("Harvest", "Letter", "Inheritance", "Winter", "Promise"),
    "Comedy": ("Neighbour", "Wedding", "Holiday", "Mistake", "Landlord"),
    "Thriller": ("Witness", "Alibi", "Signal", "Passenger", "Deadline"),
    "Science fiction": ("Orbit", "Android", "Colony", "Paradox", "Starship"),
    "Romance": ("Heart", "Summer", "Bouquet", "Serenade", "Kiss"),
    "Horror": ("Cellar", "Scream", "Doll", "Grave", "Haunting"),
    "Adventure": ("Island", "Expedition", "Compass", "Treasure", "Summit"),
    "Crime": ("Heist", "Detective", "Ransom", "Smuggler", "Verdict"),
    "Documentary": ("River", "Archive", "Migration", "Glacier", "Reef"),
    "Fantasy": ("Dragon", "Kingdom", "Sorcerer", "Amulet", "Prophecy"),
    "Western": ("Saddle", "Canyon", "Outlaw", "Prairie", "Stagecoach"),
    "Musical": ("Chorus", "Tango", "Melody", "Encore", "Cabaret"),
}


def title_of(genre: str, number: int) -> str:
    """The title of the `number`-th item of a genre; titles differ within a genre."""
    nouns = _NOUNS[genre]
    edition, rest = divmod(number, len(nouns) * len(_ADJECTIVES))
    adjective, noun = divmod(rest, len(nouns))
    sequel = f" {edition + 1}" if edition else ""
    return f"The {_ADJECTIVES[adjective]} {nouns[noun]}{sequel}"
