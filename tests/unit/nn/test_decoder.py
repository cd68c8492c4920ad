import pytest
import torch

from seqtrain.base import EncoderOutput
from seqtrain.nn.decoder import Decoder
from seqtrain.nn.embedding import token_embedding
from seqtrain.nn.input_embedding import InputEmbedding
from seqtrain.nn.positions import Positions, SinusoidalPositions, build_positions
from seqtrain.nn.spec import LayerSpec

FEATURES = torch.linspace(-1, 1, 2 * 3 * 6).view(2, 3, 6)
PADDING_MASK = torch.tensor([[False, False, False], [False, False, True]])
SOURCE = EncoderOutput(FEATURES, PADDING_MASK)
TOKENS = torch.tensor([[2, 4, 5, 6], [2, 6, 4, 7]])


def decoder(layerdrop: float = 0.0, source_dim: int | None = 6) -> Decoder:
    torch.manual_seed(1)
    inputs = InputEmbedding(
        token_embedding(8, 4, pad=1), SinusoidalPositions(4, 3), dropout=0.0, scale=True, layernorm=False
    )
    return Decoder(inputs, LayerSpec(4, 8, 2), num_layers=2, source_dim=source_dim, layerdrop=layerdrop)


def test_a_source_of_another_dimension() -> None:
    assert decoder()(TOKENS, SOURCE).shape == (2, 4, 4)


def test_later_tokens_do_not_matter() -> None:
    stack = decoder()
    short = stack(TOKENS[:, :2], SOURCE)
    torch.testing.assert_close(stack(TOKENS, SOURCE)[:, :2], short)


def test_reading_sees_later_tokens_and_no_padding() -> None:
    stack, nothing = decoder(), torch.zeros(2, 4, dtype=torch.bool)
    read = stack.read(TOKENS, nothing, SOURCE)
    changed = stack.read(torch.cat([TOKENS[:, :3], TOKENS[:, :1]], dim=1), nothing, SOURCE)
    assert not torch.isclose(read[:, :3], changed[:, :3]).all(dim=2).any()
    padding_mask = torch.tensor([[False] * 4 + [True] * 2] * 2)
    padded = stack.read(torch.nn.functional.pad(TOKENS, (0, 2), value=1), padding_mask, SOURCE)
    torch.testing.assert_close(padded[:, :4], read)
    torch.testing.assert_close(stack.read(TOKENS[:, :1], nothing[:, :1], SOURCE), stack(TOKENS[:, :1], SOURCE))


def test_without_a_source_there_is_no_attention_to_one() -> None:
    stack = decoder(source_dim=None)
    assert not any("cross" in name for name, _ in stack.named_parameters())
    short = stack(TOKENS[:, :2])
    torch.testing.assert_close(stack(TOKENS)[:, :2], short)


@pytest.mark.parametrize("source_dim", [6, None])
@pytest.mark.parametrize("sizes", [[1, 1, 1, 1], [4], [2, 2], [1, 3], [3, 1]])
def test_steps_equal_a_full_pass_beyond_max_positions(source_dim: int | None, sizes: list[int]) -> None:
    stack = decoder(source_dim=source_dim)
    source = SOURCE if source_dim else None
    with torch.no_grad():
        attended = stack.attended(source) if source else None
        state = stack.new_state(rows=2)
        steps = [stack.step(tokens, state, attended) for tokens in torch.split(TOKENS, sizes, dim=1)]
    assert state.length == 4
    torch.testing.assert_close(torch.cat(steps, 1), stack(TOKENS, source))


def test_hypotheses_share_a_source_over_several_tokens() -> None:
    stack, order = decoder(), torch.tensor([0, 0, 1, 1])
    tokens = torch.cat([TOKENS, TOKENS.flip(1)])
    with torch.no_grad():
        steps = stack.step(tokens, stack.new_state(4), stack.attended(SOURCE))
    repeated = EncoderOutput(FEATURES[order], PADDING_MASK[order])
    torch.testing.assert_close(steps, stack(tokens, repeated))


def test_a_new_state_has_the_format_of_products() -> None:
    stack = decoder().to(torch.float64)
    state = stack.new_state(rows=5)
    assert state.length == 0
    assert [x.shape for cache in state.caches for x in cache.filled] == [(5, 2, 0, 2)] * 4
    assert {x.dtype for cache in state.caches for x in cache.filled} == {torch.float64}


@pytest.mark.parametrize("order", [[1, 0], [1, 1], [1], [0, 1, 1]])
def test_reorder_picks_repeats_drops_and_adds_rows_of_all_layers(order: list[int]) -> None:
    stack, rows, source = decoder(), torch.tensor(order), SOURCE
    with torch.no_grad():
        state = stack.new_state(rows=2)
        stack.step(TOKENS[:, :3], state, stack.attended(source))
        state.reorder(rows)
        source = EncoderOutput(FEATURES[rows], PADDING_MASK[rows])
        last = stack.step(TOKENS[rows, 3:], state, stack.attended(source))
    torch.testing.assert_close(last, stack(TOKENS[rows], source)[:, 3:])


def test_a_source_that_is_attended_to_is_padded_to_whole_vectors() -> None:
    attended = decoder().attended(SOURCE)
    assert attended.padding_mask.sum(1).tolist() == [13, 14]
    assert attended.features.shape == (2, 16, 6)
    assert {x.shape for each in attended.cross for x in each} == {(2, 2, 16, 2)}
    assert attended.reorder(torch.tensor([1])).padding_mask.sum(1).tolist() == [14]


@pytest.mark.parametrize("positions", Positions)
def test_documents_are_as_if_each_were_alone(positions: Positions) -> None:
    torch.manual_seed(1)
    inputs = InputEmbedding(
        token_embedding(8, 8, pad=1), build_positions(positions, 8, 7), dropout=0.0, scale=True, layernorm=False
    )
    stack = Decoder(inputs, LayerSpec(8, 8, 2, positions=positions), num_layers=2)
    tokens = torch.tensor([[4, 5, 6, 7, 4, 5, 2], [5, 4, 2, 6, 2, 1, 1]])
    documents = torch.tensor([[0, 0, 0, 0, 1, 1, 1], [0, 0, 0, 1, 1, 1, 1]])
    packed = stack(tokens, documents=documents)
    torch.testing.assert_close(packed[:1, :4], stack(tokens[:1, :4]))
    torch.testing.assert_close(packed[:1, 4:], stack(tokens[:1, 4:]))
    torch.testing.assert_close(packed[1:, :3], stack(tokens[1:, :3]))
    torch.testing.assert_close(packed[1:, 3:5], stack(tokens[1:, 3:5]))


def test_layer_drop_in_training_only() -> None:
    dropped, plain = decoder(layerdrop=0.999999), decoder()
    torch.manual_seed(1)
    assert torch.equal(dropped(TOKENS, SOURCE), dropped.embedding(TOKENS))
    dropped.eval()
    assert torch.equal(dropped(TOKENS, SOURCE), plain(TOKENS, SOURCE))
