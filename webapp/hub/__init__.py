"""Models that are not ours to keep: their configuration, chat template and tokenizer, on this machine or on the hub."""

from webapp.hub.choosing import ChosenModel, choose_model, choose_model_or_folder
from webapp.hub.files import cached_template
from webapp.hub.tokenizers import cached_tokenizer, cached_tokenizers, choose_tokenizer, fetch_tokenizer

__all__ = [
    "ChosenModel",
    "cached_template",
    "cached_tokenizer",
    "cached_tokenizers",
    "choose_model",
    "choose_model_or_folder",
    "choose_tokenizer",
    "fetch_tokenizer",
]
