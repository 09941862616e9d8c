"""The tokenizer and the files of an encoder from Hugging Face, as they lie on this machine.

Nothing is downloaded here: a study that begins without a network would end in the middle, and every worker
would ask at once.
"""

import json
from collections.abc import Iterator, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from sweeper.task import Fault, UserError, digest_of
from sweeper_tasks.sentiment.tokens import Tokens

WEIGHTS = {".safetensors", ".bin", ".h5", ".msgpack", ".onnx", ".pt", ".ot"}


def folder_of(encoder: str) -> Path:
    """The folder with the encoder's files: `encoder` itself, or where Hugging Face keeps what it downloaded.

    Raises UserError that says how to get it, where it is in neither.
    """
    if find_spec("transformers") is None:
        problem = "got 'sentiment/pretrained' without the package transformers; expected it to be installed"
        raise UserError(Fault("model", problem, "pip install 'transformers>=5'"))
    folder = Path(encoder) if Path(encoder).is_dir() else _downloaded(encoder)
    if missing := _missing(folder):
        problem = f"got '{folder}' without {missing}; expected a folder that save_pretrained has written"
        raise UserError(Fault("model.encoder", problem, "Save model and tokenizer there, or get it anew"))
    return folder


def digest_of_tokenizer(folder: Path) -> str:
    """`sha256:...` over all files of the encoder but its weights, which change no token."""
    files = sorted(file for file in folder.iterdir() if file.is_file() and file.suffix not in WEIGHTS)
    return digest_of(*(part for file in files for part in (file.name, file.read_bytes())))


def pretrained_tokens(folder: Path, max_tokens: int) -> Tokens:
    """The encoder's own tokenizer, with what it puts before and behind a text. Raises UserError."""
    from transformers import AutoTokenizer

    tokenizer: Any = AutoTokenizer.from_pretrained(folder, local_files_only=True)
    _refuse_unusable(tokenizer, folder, max_tokens)
    n_special = tokenizer.num_special_tokens_to_add()

    def encode(texts: Sequence[str]) -> Iterator[list[int]]:
        return iter(tokenizer(list(texts), truncation=False, verbose=False)["input_ids"])

    def shorten(ids: list[int], n: int) -> list[int]:
        last = ids[-1:] if n_special > 1 else []  # the mark of the end stays
        return ids if len(ids) <= n else ids[: n - len(last)] + last

    return Tokens(
        encode,
        shorten,
        padding=tokenizer.pad_token_id,
        unknown=tokenizer.unk_token_id,
        vocabulary_size=len(tokenizer),
        save=tokenizer.save_pretrained,
    )


def _downloaded(encoder: str) -> Path:
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HFValidationError, LocalEntryNotFoundError

    try:
        return Path(snapshot_download(encoder, local_files_only=True))
    except HFValidationError:
        problem = f"got '{encoder}'; expected a folder, or a model's name. There is no such folder"
        raise UserError(Fault("model.encoder", problem)) from None
    except LocalEntryNotFoundError:
        problem = f"got '{encoder}'; expected a folder, or a model that is in Hugging Face's cache already"
        advice = (
            f"Get it once, with a network: hf download {encoder}. On a machine without one, copy the folder "
            "that 'hf download --local-dir' has written, and give its path: model.encoder=<folder>"
        )
        raise UserError(Fault("model.encoder", problem, advice)) from None


def _missing(folder: Path) -> str:
    names = [file.name for file in folder.iterdir()]
    if "config.json" not in names:
        return "config.json"
    return "" if any(name.endswith((".safetensors", "model.bin")) for name in names) else "weights"


def _refuse_unusable(tokenizer: Any, folder: Path, max_tokens: int) -> None:
    positions = json.loads((folder / "config.json").read_text()).get("max_position_embeddings")
    longest = min(tokenizer.model_max_length, positions or max_tokens)
    if tokenizer.pad_token_id is None:
        problem = (
            f"got '{folder}', whose tokenizer has no padding; expected an encoder such as BERT or RoBERTa"
        )
        raise UserError(Fault("model.encoder", problem))
    if max_tokens > longest:
        problem = f"got {max_tokens}; expected at most {longest}, the longest text of this encoder"
        raise UserError(Fault("data.max_tokens", problem))
