"""The variants that every test of the layer runs over."""

import torch
from torch import nn

from recircle.arc import ArcConfig

VARIANTS = {
    "paper": ArcConfig.paper(),
    "published": ArcConfig.published(),
    "operator": ArcConfig(feedback="operator"),
    "RA only": ArcConfig(fusion=False),
    "temporal": ArcConfig.temporal(),
    "no activation of the state": ArcConfig(fusion=False, negative_slope=1.0),
    "no activation of the state, fusion": ArcConfig(negative_slope=1.0),
    "RF only": ArcConfig(attention=False),
    "RA only with W^e": ArcConfig(fusion=False, embedding=True),
    "multiplicative S": ArcConfig(interaction="multiplicative", aggregation="S"),
    "multiplicative S+T": ArcConfig(interaction="multiplicative"),
    "S": ArcConfig(aggregation="S"),
    "T": ArcConfig(aggregation="T"),
    "ST": ArcConfig(aggregation="ST"),
    "ST mean": ArcConfig(aggregation="ST", pooling="mean"),
    "soft pooling": ArcConfig(pooling="soft"),
    "soft pooling ST, multiplicative GRU": ArcConfig(
        pooling="soft", aggregation="ST", attention_module="gru", interaction="multiplicative"
    ),
    "additive S GRU": ArcConfig(aggregation="S", attention_module="gru"),
    "multiplicative S GRU": ArcConfig(aggregation="S", attention_module="gru", interaction="multiplicative"),
    "S+T GRU": ArcConfig(attention_module="gru"),
    "two steps": ArcConfig(steps=2),
    "eight steps": ArcConfig(steps=8),
    "signed input": ArcConfig(signed_input=True),
    "causal": ArcConfig(causal=True),
    "causal, temporal": ArcConfig.temporal(causal=True),
    "signed input, multiplicative": ArcConfig(signed_input=True, interaction="multiplicative"),
}


def randomise(module: nn.Module, std: float = 0.3) -> None:
    """Draw every parameter and buffer anew, so that no term of the layer is zero."""
    generator = torch.Generator().manual_seed(1)
    with torch.no_grad():
        for p in module.parameters():
            p.copy_(torch.randn(p.shape, generator=generator, dtype=p.dtype) * std)
        for name, b in module.named_buffers():
            if b.is_floating_point():
                noise = torch.randn(b.shape, generator=generator, dtype=b.dtype) * 0.1
                b.copy_(1 + noise.abs() if "var" in name else noise)
