"""What all networks of sentiment end with: the mean over the words, and a classifier an aspect."""

from torch import Tensor, nn

from sweeper_tasks.sentiment.batch import Sizes


class Head(nn.Module):
    """Dropout, and a classifier an aspect: [B, D] -> [B, A, K]."""

    def __init__(self, width: int, dropout: float, sizes: Sizes) -> None:
        super().__init__()
        self.dropout = nn.Dropout(dropout)
        self.classifiers = nn.Linear(width, sizes.n_aspects * sizes.n_classes)
        self._shape = sizes.n_aspects, sizes.n_classes

    def forward(self, features: Tensor) -> Tensor:
        """The logits."""
        logits: Tensor = self.classifiers(self.dropout(features))
        return logits.view(-1, *self._shape)


def mean_of_words(x: Tensor, is_word: Tensor) -> Tensor:
    """[B, D] the mean of x [B, T, D] over the places that are words; 0 where none is."""
    n = is_word.sum(dim=1, keepdim=True).clamp(min=1)
    return (x * is_word.unsqueeze(-1)).sum(dim=1) / n
