import pytest

from seqtrain.config import TokenizerConfig
from seqtrain.data.tokenizers.char import CharConfig
from seqtrain.data.tokenizers.sentencepiece import ModelType, SentencePieceConfig
from seqtrain.data.tokenizers.subword_nmt import SubwordNMTConfig
from seqtrain.data.tokenizers.whitespace import WhitespaceConfig
from seqtrain.plugins import import_builtin
from seqtrain.training.finetuning import tokenizer_overrides

import_builtin()


@pytest.mark.parametrize(
    ("ours", "theirs", "wanted"),
    [
        (CharConfig(), CharConfig(), []),
        (SentencePieceConfig(sampling_alpha=0.1), SentencePieceConfig(), []),
        (
            SentencePieceConfig(model_type=ModelType.unigram),
            SentencePieceConfig(vocab_size=99, user_defined_symbols=["<x>"]),
            ["tokenizer.model_type=bpe", "tokenizer.vocab_size=99", "tokenizer.user_defined_symbols=['<x>']"],
        ),
        (CharConfig(threshold=2), WhitespaceConfig(), ["tokenizer=whitespace"]),
        (
            CharConfig(),
            SubwordNMTConfig(codes="a b", moses=True),
            ["tokenizer=subword_nmt", "tokenizer.moses=True", "tokenizer.codes=a b"],
        ),
    ],
)
def test_what_to_write_for_another_tokenizer(ours: TokenizerConfig, theirs: TokenizerConfig, wanted: list[str]) -> None:
    assert tokenizer_overrides(ours, theirs, extend=False) == wanted


def test_what_extends_a_dictionary_may_differ() -> None:
    symbols = SentencePieceConfig(user_defined_symbols=["<x>"])
    assert tokenizer_overrides(symbols, SentencePieceConfig(), extend=True) == []
    assert tokenizer_overrides(symbols, SentencePieceConfig(), extend=False) == ["tokenizer.user_defined_symbols=[]"]
    assert tokenizer_overrides(CharConfig(threshold=2), CharConfig(), extend=True) == []
