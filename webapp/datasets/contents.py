"""What the texts of the examples hold: one scan of each for private data and markers, and a sample's languages."""

from collections import defaultdict
from collections.abc import Sequence

from webapp.datasets.findings import Sighting
from webapp.datasets.languages import LanguageSample
from webapp.datasets.markers import MARKERS, noticed
from webapp.datasets.privacy import PrivacyTally
from webapp.datasets.privacy_kinds import KINDS
from webapp.datasets.records import Conversation
from webapp.datasets.scanning import Scanner

# No pattern matches across it, and a line begins after it.
_BETWEEN_TEXTS = "\n\x1e\n"


class Contents:
    """Running tallies; `seen` holds the examples whose answers have a mark, by its name."""

    def __init__(self) -> None:
        self._scanner = Scanner({item.name: item.pattern for item in (*KINDS, *MARKERS)})
        self.privacy = PrivacyTally()
        self.languages = LanguageSample()
        self.seen: defaultdict[str, Sighting] = defaultdict(Sighting)

    def add(self, conversation: Conversation, texts: Sequence[str], line: int) -> None:
        """Looks at one example on `line`; `texts` is all that a model would read of it."""
        joined = _BETWEEN_TEXTS.join(texts)
        present = self._scanner.present(joined)
        if present:
            self.privacy.add(joined, present, line)
        answers = [message.content for message in conversation.messages if message.role == "assistant"]
        for name in noticed(answers, present):
            self.seen[name].add(line)
        self.languages.add(conversation, line)

    def counts(self) -> dict[str, int]:
        """How many examples have each mark: the fields of Characteristics of these names."""
        names = (*(marker.name for marker in MARKERS), "repetition", "one_word_answers")
        return {name: self.seen[name].count for name in names}
