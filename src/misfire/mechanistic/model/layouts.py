"""Find the parts of a Hugging Face causal language model.

Only this module knows the differences between model families.

Supported: Llama, Mistral, Qwen2 and 2.5, Qwen3, Qwen3.5, Gemma-3 (text and nested), Phi-3, and models that
use the same names. Other models raise an error that lists the expected names, because confusing one part with
another would silently give wrong results.
"""

# many types in torch and pandas are unknown
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

from dataclasses import dataclass
from typing import Any, Literal, NoReturn

from torch import nn

from misfire.errors import InputError

STACKS = ("model", "model.language_model", "language_model.model", "language_model")
"""Possible paths of the stack of layers. A nested stack comes after its owner, which has no layers itself."""

MIXERS: tuple[tuple[str, Literal["attention", "linear"]], ...] = (
    ("self_attn", "attention"),
    ("linear_attn", "linear"),
)
"""Token mixer of a layer: softmax attention, or linear attention (Qwen3.5, three of four layers)."""

OUT_PROJECTIONS = ("o_proj", "out_proj")

HEAD_DIMS = {"attention": "head_dim", "linear": "head_v_dim"}
"""Attribute of the mixer with the width of a head's output. It is not hidden size / heads (Qwen3,
Gemma-3)."""


@dataclass(frozen=True)
class Layer:
    """One layer.

    Attributes:
        index: Index of the layer, from 0.
        block: The whole layer. Its input and output are the residual stream.
        mixer: The attention module.
        kind: Softmax or linear attention.
        out_proj: Output projection. Its input is the concatenated outputs of the heads: (…, heads · head_dim)
            → (…, hidden size).
        mlp: The MLP.
        heads: Number of heads.
        head_dim: Width of the output of each head.
    """

    index: int
    block: nn.Module
    mixer: nn.Module
    kind: Literal["attention", "linear"]
    out_proj: nn.Linear
    mlp: nn.Module
    heads: int
    head_dim: int


@dataclass(frozen=True)
class Layout:
    """The parts of a model.

    Attributes:
        stack: Embedding, layers and final norm. Its input is token IDs.
        layers: The layers.
        norm: The final norm.
        unembedding: Map from the normed residual stream to logits.
        softcap: Logits are c · tanh(logit / c) for this c (text models of Gemma); None without a cap.
    """

    stack: nn.Module
    layers: tuple[Layer, ...]
    norm: nn.Module
    unembedding: nn.Linear
    softcap: float | None

    @property
    def shape(self) -> list[int]:
        """Number of heads in each layer."""
        return [layer.heads for layer in self.layers]


def find_layout(model: Any) -> Layout:  # noqa: ANN401 (any Hugging Face model)
    """Find the parts of a model.

    Args:
        model: A causal language model from Hugging Face transformers.

    Returns:
        Its layout.

    Raises:
        InputError: A part was not found.
    """
    stack = next((found for path in STACKS if _is_stack(found := _at(model, path))), None)
    if stack is None:
        _refuse(model, f"a stack with 'layers' and 'norm' at {', '.join(STACKS)}", model)
    unembedding = model.get_output_embeddings()
    if not isinstance(unembedding, nn.Linear):
        _refuse(model, "an unembedding that is a plain linear map (get_output_embeddings)", model)
    # transformers caps only the logits of text models, not those of Gemma3ForConditionalGeneration
    softcap = getattr(model.config, "final_logit_softcapping", None)
    layers = tuple(_layer(model, index, block) for index, block in enumerate(stack.layers))
    return Layout(stack, layers, stack.norm, unembedding, softcap)


def _is_stack(found: Any) -> bool:  # noqa: ANN401
    return isinstance(getattr(found, "layers", None), nn.ModuleList) and isinstance(
        getattr(found, "norm", None), nn.Module
    )


def _layer(model: Any, index: int, block: nn.Module) -> Layer:  # noqa: ANN401
    named: tuple[Any, Literal["attention", "linear"]] | None = None
    for name, kind in MIXERS:
        named = (getattr(block, name), kind) if named is None and hasattr(block, name) else named
    if named is None:
        _refuse(model, f"attention in layer {index} under {', '.join(name for name, _ in MIXERS)}", block)
    mixer, kind = named
    out_proj = next((getattr(mixer, name) for name in OUT_PROJECTIONS if hasattr(mixer, name)), None)
    # a quantized layer may be a linear map by its class, but its weights are packed integers
    if not isinstance(out_proj, nn.Linear) or not out_proj.weight.is_floating_point():
        _refuse(
            model,
            f"an output projection in layer {index}, a plain linear map with float weights under "
            f"{', '.join(OUT_PROJECTIONS)}",
            mixer,
        )
    head_dim = getattr(mixer, HEAD_DIMS[kind], None)
    if not isinstance(head_dim, int) or out_proj.in_features % head_dim:
        _refuse(
            model,
            f"the width of a head in layer {index} under {HEAD_DIMS[kind]}, a divisor of "
            f"{out_proj.in_features}",
            mixer,
        )
    mlp = getattr(block, "mlp", None)
    if not isinstance(mlp, nn.Module):
        _refuse(model, f"an MLP in layer {index} under mlp", block)
    return Layer(index, block, mixer, kind, out_proj, mlp, out_proj.in_features // head_dim, head_dim)


def _at(model: Any, path: str) -> Any:  # noqa: ANN401
    for name in path.split("."):
        model = getattr(model, name, None)
    return model


def _refuse(model: Any, wanted: str, there: nn.Module) -> NoReturn:  # noqa: ANN401
    children = ", ".join(name for name, _ in there.named_children()) or "nothing"
    raise InputError(
        f"{type(model).__name__}: the layout of this model is unknown. Expected {wanted}; found {children}. "
        "Supported are Llama, Mistral, Qwen2, Qwen3, Qwen3.5, Gemma-3, Phi-3, and models that use the same "
        "names for their parts."
    )
