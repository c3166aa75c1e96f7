"""The nets of the face finder: layers keep their order, and maps are turned as pictures lie."""

import numpy as np
import portrait_weights as extract
import pytest

from detectors.portrait import forward


def varint(value: int) -> bytes:
    out = b""
    while value > 127:
        out += bytes([value & 127 | 128])
        value >>= 7
    return out + bytes([value])


def part(number: int, content: bytes) -> bytes:
    return varint(number << 3 | 2) + varint(len(content)) + content


def tensor(name: str, values: np.ndarray) -> bytes:
    shape = b"".join(varint(1 << 3) + varint(n) for n in values.shape)
    raw = values.astype("<f4").tobytes()
    return part(5, shape + varint(2 << 3) + varint(1) + part(8, name.encode()) + part(9, raw))


def node(kind: str, *inputs: str) -> bytes:
    return part(1, b"".join(part(1, i.encode()) for i in inputs) + part(4, kind.encode()))


def test_layers_come_in_order_with_their_own_bias() -> None:
    kernel = np.arange(2 * 3 * 2 * 2, dtype=np.float32).reshape(2, 3, 2, 2)
    wide, narrow = np.ones((8, 4), np.float32), np.ones((8, 2), np.float32)
    graph = (
        node("Conv", "x", "conv/kernel:0", "conv/bias:0")
        + node("PRelu", "y", "slope")
        + node("MatMul", "z", "wide/kernel:0")
        + node("MatMul", "z", "narrow/kernel:0")
        + node("Add", "a", "narrow/bias:0")
        + node("Add", "b", "wide/bias:0")
        + tensor("conv/kernel:0", kernel)
        + tensor("conv/bias:0", np.array([1.0, 2.0]))
        + tensor("slope", np.array([[[0.1]], [[0.2]]]))
        + tensor("wide/kernel:0", wide)
        + tensor("wide/bias:0", np.full(4, 4.0))
        + tensor("narrow/kernel:0", narrow)
        + tensor("narrow/bias:0", np.full(2, 2.0))
    )
    found = extract.layers(part(7, graph))
    assert found["0.weight"].shape == (12, 2)
    rows_columns_channels = found["0.weight"].reshape(2, 2, 3, 2)
    assert rows_columns_channels[0, 1, 2, 1] == kernel[1, 2, 1, 0]  # stored columns first
    assert found["0.slope"].tolist() == pytest.approx([0.1, 0.2])
    assert found["1.bias"].tolist() == [4, 4, 4, 4]
    assert found["2.bias"].tolist() == [2, 2]


@pytest.mark.parametrize(
    ("size", "side", "stride", "pooled"), [(10, 2, 2, 5), (9, 2, 2, 5), (22, 3, 2, 11)]
)
def test_the_last_window_of_a_pool_may_hang_over(
    size: int, side: int, stride: int, pooled: int
) -> None:
    found = np.arange(size * size, dtype=np.float32).reshape(1, size, size, 1)
    out = forward._pooled(found, side, stride)  # noqa: SLF001 - the rule has no other door
    assert out.shape == (1, pooled, pooled, 1)
    assert out.max() == size * size - 1
