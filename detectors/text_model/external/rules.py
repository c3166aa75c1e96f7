"""Scores of foreign models: a classifier's logits, or a rule over language models.

- A sequence classifier: the difference of its two logits.
- `fast-detect`: the curvature of Bao et al. 2024 (Fast-DetectGPT, equation 5), one model for
  sampling and scoring: log p less its mean, over its deviation, both taken over what the model
  might have written instead.
- `binoculars`: minus the ratio of Hans et al. 2024 (equation 4), log perplexity over log
  cross-perplexity of two language models of one vocabulary.
"""

import math
from typing import Any

from detectors.errors import ConfigError
from detectors.models import external
from detectors.text_model.external.choice import Chosen, ai_label

TOKENS = 512
"""Tokens of a text that are scored, or fewer where a model takes fewer."""


class Scorer:
    """A foreign model, loaded."""

    def __init__(self, which: Chosen, device: str) -> None:
        """Load weights and tokenizer.

        Raises:
            ConfigError: transformers is not installed, or does not know the model.
        """
        kind = "SequenceClassification" if which.rule == "classifier" else "CausalLM"
        self._models = [external.transformers(kind, folder, device) for folder in which.folders]
        library = external.silent()
        try:
            self._tokenizer = library.AutoTokenizer.from_pretrained(
                which.folders[0], **external.SAFE
            )
        except external.CANNOT_LOAD as error:
            raise ConfigError(f"{which.folders[0]}: transformers cannot load it: {error}") from None
        limits = [
            getattr(model.config, "max_position_embeddings", TOKENS) for model in self._models
        ]
        self._most = min(TOKENS, *limits)
        self._rule, self._device = which.rule, device
        self._ai = ai_label(which.folders[0]) if which.rule == "classifier" else 0

    def score(self, text: str) -> float:
        """Return a text's score, higher for AI, 3 decimals; 0 where there are no two tokens.

        Raises:
            ConfigError: the model gives no finite number.
        """
        import torch

        encoded = self._tokenizer(
            text, truncation=True, max_length=self._most, return_tensors="pt"
        ).to(self._device)
        tokens = encoded["input_ids"]
        if tokens.shape[1] < 2:  # a token and what comes before it
            return 0.0
        with torch.inference_mode():
            mask = {"attention_mask": encoded["attention_mask"]}
            logits = [model(input_ids=tokens, **mask).logits[0].double() for model in self._models]
            if self._rule == "classifier":
                value = logits[0][self._ai] - logits[0][1 - self._ai]
            elif self._rule == "fast-detect":
                value = curvature(logits[0][:-1], tokens[0, 1:])
            else:
                value = -ratio(logits[0][:-1], logits[1][:-1], tokens[0, 1:])
        if not math.isfinite(float(value)):
            raise ConfigError(f"the model gives {float(value)} for a text, which is no score")
        return round(float(value), 3) + 0.0


def curvature(logits: Any, tokens: Any) -> Any:
    """Return the conditional probability curvature of a text (Bao et al. 2024, equation 5).

    Args:
        logits: (tokens, vocabulary), for the token at the same index.
        tokens: those that stand there.
    """
    logs = logits.log_softmax(-1)
    odds = logs.exp()
    mean = (odds * logs).sum(-1)
    variance = (odds * logs.square()).sum(-1) - mean.square()
    own = logs.gather(-1, tokens[:, None])[:, 0]
    return (own.sum() - mean.sum()) / variance.sum().clamp_min(1e-12).sqrt()


def ratio(observer: Any, performer: Any, tokens: Any) -> Any:
    """Return log perplexity over log cross-perplexity (Hans et al. 2024, equation 4).

    As the authors' program computes it: the performer's perplexity, and the performer's surprise
    at what the observer expects.

    Args:
        observer: (tokens, vocabulary) logits.
        performer: the same of the other model.
        tokens: those that stand there.
    """
    logs = performer.log_softmax(-1)
    perplexity = -logs.gather(-1, tokens[:, None])[:, 0].mean()
    crossed = -(observer.softmax(-1) * logs).sum(-1).mean()
    return perplexity / crossed
