"""The networks that read a review; each gives A x K logits from its tokens.

Shapes: B batch, T tokens (padded), D width, h heads, A aspects, K classes of each.
"""

import torch
from torch import Tensor, nn
from torch.nn.functional import pad

from sweeper_tasks.sentiment.batch import Batch, Sizes
from sweeper_tasks.sentiment.config import ModelConfig, Pretrained, TextCnn, TransformerSmall
from sweeper_tasks.sentiment.head import Head, mean_of_words

EMBEDDING_STD = 0.02


def build_model(config: ModelConfig, sizes: Sizes) -> nn.Module:
    """The configured network: `model(batch)` is [B, A, K]."""
    match config:
        case TransformerSmall():
            return TransformerReader(config, sizes)
        case TextCnn():
            return CnnReader(config, sizes)
        case Pretrained():
            from sweeper_tasks.sentiment.pretrained import PretrainedReader

            return PretrainedReader(config, sizes)


class TransformerReader(nn.Module):
    """Word embeddings, encoder layers, the mean over the words, a head; distances are known to attention."""

    def __init__(self, config: TransformerSmall, sizes: Sizes) -> None:
        super().__init__()
        self._padding = sizes.padding
        self.words = _embedding(sizes.vocabulary_size, config.width)
        self.blocks = nn.ModuleList(Block(config, sizes.max_tokens) for _ in range(config.depth))
        self.norm = nn.LayerNorm(config.width)
        self.head = Head(config.width, config.dropout, sizes)

    def forward(self, batch: Batch) -> Tensor:
        """Logits [B, A, K]."""
        x = self.words(batch.tokens)  # [B, T, D]
        is_word = (batch.tokens != self._padding).to(x.dtype)
        for block in self.blocks:
            x = block(x, is_word)
        logits: Tensor = self.head(mean_of_words(self.norm(x), is_word))
        return logits


class Block(nn.Module):
    """Attention, then a perceptron, each normalised before and added to what came in.

    Source: Vaswani et al. 2017 (arXiv:1706.03762), with the norms in front (Xiong et al. 2020,
    arXiv:2002.04745), so that it trains without long warm-up.
    """

    def __init__(self, config: TransformerSmall, max_tokens: int) -> None:
        super().__init__()
        width, inner = config.width, config.mlp_ratio * config.width
        self.norm1, self.norm2 = nn.LayerNorm(width), nn.LayerNorm(width)
        self.attention = Attention(width, config.heads, max_tokens)
        self.mlp = nn.Sequential(
            nn.Linear(width, inner), nn.GELU(), nn.Dropout(config.dropout), nn.Linear(inner, width)
        )

    def forward(self, x: Tensor, is_word: Tensor) -> Tensor:
        """[B, T, D] -> [B, T, D]; no word sees the padding."""
        x = x + self.attention(self.norm1(x), is_word)
        seen: Tensor = x + self.mlp(self.norm2(x))
        return seen


class Attention(nn.Module):
    """Each word looks at all words; each head has a bias for every distance, at first for what is near.

    Source: Raffel et al. 2020 (arXiv:1910.10683) learn such biases, of ranges of distances; they start here
    as the fixed slopes of Press et al. 2022 (arXiv:2108.12409): from scratch, few reviews do not teach that
    an opinion stands beside its aspect.
    """

    def __init__(self, width: int, n_heads: int, max_tokens: int) -> None:
        super().__init__()
        self._n_heads = n_heads
        self.inputs = nn.Linear(width, 3 * width)
        self.output = nn.Linear(width, width)
        distances = torch.arange(1 - max_tokens, max_tokens).abs().float()
        slopes = 2.0 ** (1 - torch.arange(n_heads))
        self.nearness = nn.Parameter(-torch.outer(slopes, distances))  # [h, 2 T - 1]
        places = torch.arange(max_tokens)
        self.offsets: Tensor  # [T, T], where the distance of two places stands in `nearness`
        self.register_buffer("offsets", places - places[:, None] + max_tokens - 1, persistent=False)

    def forward(self, x: Tensor, is_word: Tensor) -> Tensor:
        """[B, T, D] -> [B, T, D]."""
        parts = self.inputs(x).unflatten(-1, (3, self._n_heads, -1))  # [B, T, 3, h, D / h]
        query, key, value = parts.transpose(1, 3).unbind(dim=2)  # [B, h, T, D / h] each
        scores = query @ key.transpose(-2, -1) / query.shape[-1] ** 0.5  # [B, h, T, T]
        hidden = (1 - is_word) * torch.finfo(scores.dtype).min / 2  # finite: a text of padding has no NaN
        weights = (scores + self.nearness[:, self.offsets] + hidden[:, None, None, :]).softmax(dim=-1)
        seen: Tensor = self.output((weights @ value).transpose(1, 2).flatten(2))
        return seen


class CnnReader(nn.Module):
    """Convolutions of several widths over words, the largest answer of each filter, a head.

    Source: Kim 2014 (arXiv:1408.5882), with embeddings trained from scratch.
    """

    def __init__(self, config: TextCnn, sizes: Sizes) -> None:
        super().__init__()
        self._padding, self._kernels = sizes.padding, config.kernels
        self.words = _embedding(sizes.vocabulary_size, config.width)
        self.convolutions = nn.ModuleList(
            nn.Conv1d(config.width, config.n_filters, kernel) for kernel in config.kernels
        )
        self.head = Head(config.n_filters * len(config.kernels), config.dropout, sizes)

    def forward(self, batch: Batch) -> Tensor:
        """Logits [B, A, K]."""
        x = self.words(batch.tokens)
        is_word = (batch.tokens != self._padding).to(x.dtype).unsqueeze(1)  # [B, 1, T]
        words = x.transpose(1, 2) * is_word
        answers = [
            conv(pad(words, ((kernel - 1) // 2, kernel // 2)))  # [B, filters, T]
            for conv, kernel in zip(self.convolutions, self._kernels, strict=True)
        ]
        found = [(answer.relu() * is_word).amax(dim=-1) for answer in answers]
        logits: Tensor = self.head(torch.cat(found, dim=-1))
        return logits


def _embedding(n: int, width: int) -> nn.Embedding:
    embedding = nn.Embedding(n, width)
    nn.init.normal_(embedding.weight, std=EMBEDDING_STD)
    return embedding
