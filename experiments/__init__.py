"""What is asked of the model. Tables made here are read with the words of the model, and take them along."""

from valign.model.vocabulary import vocabulary
from valign.results.vocabulary import Vocabulary, speak

speak(Vocabulary.of(vocabulary()))
