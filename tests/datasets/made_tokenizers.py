"""Tokenizers of the kinds that models have, trained on the bundled sample and saved as `tokenizer.json`."""

import json
from collections.abc import Callable
from pathlib import Path

from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, trainers

from webapp.datasets import sample_path

LLAMA3 = "|".join(
    [
        r"(?i:'s|'t|'re|'ve|'m|'ll|'d)",
        r"[^\r\n\p{L}\p{N}]?\p{L}+",
        r"\p{N}{1,3}",
        r" ?[^\s\p{L}\p{N}]+[\r\n]*",
        r"\s*[\r\n]+",
        r"\s+(?!\S)",
        r"\s+",
    ]
)
QWEN2 = LLAMA3.replace(r"\p{N}{1,3}", r"\p{N}")
SIZE = 2000


def texts() -> list[str]:
    """All that is said in the bundled sample."""
    lines = sample_path().read_bytes().splitlines()
    return [message.get("content") or "" for line in lines for message in json.loads(line)["messages"]]


def trained(made: Tokenizer, **options: object) -> Tokenizer:
    made.train_from_iterator(texts(), trainers.BpeTrainer(vocab_size=SIZE, show_progress=False, **options))
    return made


def byte_level(split: str | None = None, normalizer: normalizers.Normalizer | None = None) -> Tokenizer:
    made = Tokenizer(models.BPE())
    if normalizer:
        made.normalizer = normalizer
    plain = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=split is None)
    if split:
        made.pre_tokenizer = pre_tokenizers.Sequence([pre_tokenizers.Split(Regex(split), "isolated"), plain])
    else:
        made.pre_tokenizer = plain
    made.decoder = decoders.ByteLevel()
    trained(made, initial_alphabet=pre_tokenizers.ByteLevel.alphabet())
    made.add_special_tokens(["<|endoftext|>", "<|im_start|>", "<|im_end|>"])
    made.add_tokens([AddedToken("<think>", normalized=False), AddedToken("</think>", normalized=False)])
    return made


def gpt2() -> Tokenizer:
    """As GPT-2's and SmolLM's."""
    return byte_level()


def llama3() -> Tokenizer:
    """As Llama 3's: another split, numbers by three digits."""
    return byte_level(LLAMA3)


def qwen() -> Tokenizer:
    """As Qwen's: composed characters, digit by digit."""
    return byte_level(QWEN2, normalizers.NFC())


def with_bytes(made: Tokenizer) -> Tokenizer:
    """SentencePiece's way with characters that are not in the vocabulary: their bytes are tokens."""
    trained(made, special_tokens=["<unk>", "<s>", "</s>", *(f"<0x{byte:02X}>" for byte in range(256))])
    document = json.loads(made.to_str())
    document["model"] |= {"byte_fallback": True, "unk_token": "<unk>", "fuse_unk": True}
    document["added_tokens"] = [token for token in document["added_tokens"] if not token["content"].startswith("<0x")]
    return Tokenizer.from_str(json.dumps(document))


def llama2() -> Tokenizer:
    """As Llama 2's and Phi-3's: a mark for every space, one more in front, no split."""
    made = Tokenizer(models.BPE())
    made.normalizer = normalizers.Sequence([normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")])
    return with_bytes(made)


def gemma() -> Tokenizer:
    """As Gemma's: a mark for every space, split before it."""
    made = Tokenizer(models.BPE())
    made.normalizer = normalizers.Replace(" ", "▁")
    made.pre_tokenizer = pre_tokenizers.Split(" ", "merged_with_previous")
    return with_bytes(made)


def words() -> Tokenizer:
    """A kind that gigatoken does not know: whole words."""
    made = Tokenizer(models.WordLevel(unk_token="<unk>"))
    made.pre_tokenizer = pre_tokenizers.Whitespace()
    made.train_from_iterator(texts(), trainers.WordLevelTrainer(special_tokens=["<unk>"], show_progress=False))
    return made


KNOWN: tuple[Callable[[], Tokenizer], ...] = (gpt2, llama3, qwen, llama2, gemma)


def save(made: Tokenizer, folder: Path, rows: int = 0) -> Path:
    """The folder with the tokenizer in it, filled up to `rows` ids with words that no text has."""
    document = json.loads(made.to_str())
    used = made.get_vocab_size()
    document["added_tokens"] += [
        {
            "id": number, "content": f"<filler-{number}>", "special": True, "single_word": False, "lstrip": False,
            "rstrip": False, "normalized": False,
        }
        for number in range(used, rows)
    ]  # fmt: skip
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "tokenizer.json").write_text(json.dumps(document))
    return folder
