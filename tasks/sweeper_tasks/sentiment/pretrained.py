"""`model=sentiment/pretrained`: an encoder of Hugging Face with its weights, and a head of our own."""

import torch
from torch import Tensor, nn
from transformers import AutoModel
from transformers.utils.logging import disable_progress_bar

from sweeper_tasks.sentiment.batch import Batch, Sizes
from sweeper_tasks.sentiment.config import Pretrained
from sweeper_tasks.sentiment.head import Head, mean_of_words
from sweeper_tasks.sentiment.pretrained_tokens import folder_of


class PretrainedReader(nn.Module):
    """The encoder, the mean over the words of its last layer, a head.

    The encoder's own dropout is what its configuration says; `model.dropout` is the head's.
    """

    def __init__(self, config: Pretrained, sizes: Sizes) -> None:
        super().__init__()
        self._padding = sizes.padding
        disable_progress_bar()  # type: ignore[no-untyped-call]  # a job's log is no terminal
        self.encoder = AutoModel.from_pretrained(
            folder_of(config.encoder), local_files_only=True, dtype=torch.float32
        )
        self.encoder.pooler = None  # would be trained by nobody, and is often not even stored
        self.head = Head(self.encoder.config.hidden_size, config.dropout, sizes)

    def forward(self, batch: Batch) -> Tensor:
        """Logits [B, A, K]."""
        is_word = batch.tokens != self._padding
        x = self.encoder(input_ids=batch.tokens, attention_mask=is_word.long()).last_hidden_state
        logits: Tensor = self.head(mean_of_words(x, is_word.to(x.dtype)))
        return logits
