"""Properties of an ONNX graph for which its file is refused."""

import math
from collections.abc import Iterator

from mien.errors import ModelRefused
from mien.models.format.onnx_graph import DTYPES, Graph

_DOMAINS = frozenset({"", "ai.onnx", "ai.onnx.ml"})
_MICROSOFT = "com.microsoft"
_FUSED = (
    "Attention BiasAdd BiasGelu BiasSoftmax BiasSplitGelu DequantizeLinear DynamicQuantizeLSTM DynamicQuantizeMatMul "
    "FastGelu FusedConv FusedGemm FusedMatMul FusedMatMulActivation Gelu GemmFastGelu GridSample GroupNorm Inverse "
    "MatMulIntegerToFloat MatMulNBits MultiHeadAttention NhwcConv NhwcFusedConv NhwcMaxPool Pad QAttention QGemm QLinearAdd "
    "QLinearAveragePool QLinearConcat QLinearConv QLinearGlobalAveragePool QLinearLeakyRelu QLinearMul QLinearReduceMean "
    "QLinearSigmoid QLinearSoftmax QLinearWhere QuantizeLinear QuickGelu SimplifiedLayerNormalization SkipGroupNorm "
    "SkipLayerNormalization SkipSimplifiedLayerNormalization TransposeMatMul"
)
"""Operators that onnxruntime's own optimiser and quantiser write; EPContext, PythonOp and others load programs from files."""
_SIZES = dict(DTYPES.values())
_MAX_VALUES = 2**31  # of one tensor: 8 GB in single precision, far above the largest weights in use
_MAX_PORTS = 64  # inputs or outputs of a model; the largest family has 9


def check_safe(model_id: str, graph: Graph) -> None:
    """Raise `ModelRefused` for what no public model needs: reading files, foreign code, unbounded time or memory."""
    for why in _dangers(graph):
        raise ModelRefused(f"{model_id} is refused: {why}", "use the file of the catalogue, or one that its maker vouches for")


def _dangers(graph: Graph) -> Iterator[str]:
    fused = frozenset(_FUSED.split())
    for domain, operator in sorted(graph.operators):
        if domain not in _DOMAINS and (domain != _MICROSOFT or operator not in fused):
            yield f"it uses the operator {operator!r} of {domain!r}, which is not part of ONNX"
        elif operator == "Loop":
            # onnxruntime cannot be interrupted in it.
            yield "it uses the operator 'Loop', which may never end"
    if graph.functions:
        yield f"it defines {graph.functions} operators of its own"
    if graph.sparse:
        yield "it holds sparse weights, which can become many times as large as the file"
    if len(graph.inputs) > _MAX_PORTS or len(graph.outputs) > _MAX_PORTS:
        yield f"it has {len(graph.inputs)} inputs and {len(graph.outputs)} outputs"
    for port in (*graph.inputs, *graph.outputs):
        sizes = [size for size in port.shape if isinstance(size, int)]
        if any(size < 0 for size in sizes) or math.prod(sizes) > _MAX_VALUES:
            yield f"{port.name!r} has the absurd shape {sizes}"
    for tensor in (*graph.initializers, *graph.constants):
        if tensor.external:
            yield f"the weights {tensor.name!r} are in another file"
        count = math.prod(tensor.dims)
        if any(size < 0 for size in tensor.dims) or count > _MAX_VALUES:
            yield f"the weights {tensor.name!r} have the absurd shape {list(tensor.dims)}"
        # A value that is not raw takes at least one byte.
        least = math.ceil(count * _SIZES.get(tensor.dtype, 1)) if tensor.kind == "raw" else count
        if least > tensor.size:
            yield f"the weights {tensor.name!r} have the shape {list(tensor.dims)}, but only {tensor.size} bytes in the file"
