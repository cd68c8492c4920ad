import pytest

from seqtrain.nn.deep_norm import decoder_beside_encoder, encoder_beside_decoder, one_stack


def test_a_stack_alone_by_hand() -> None:
    # 8 layers: 16^(1/4) and 64^(-1/4) = 1 / sqrt(8).
    assert one_stack(8) == pytest.approx((2.0, 0.353553), abs=1e-6)


def test_an_encoder_beside_a_decoder_by_hand() -> None:
    # 16 and 16 layers: (16^5)^(1/16) = 2^(20/16) = 2.378414; 0.81 times it, and 0.87 by it.
    assert encoder_beside_decoder(16, 16) == pytest.approx((1.926516, 0.365790), abs=1e-6)
    # 4 and 16 layers: (4^4 16)^(1/16) = 2^(12/16) = 1.681793.
    assert encoder_beside_decoder(4, 16) == pytest.approx((1.362252, 0.517305), abs=1e-6)


def test_a_decoder_beside_an_encoder_by_hand() -> None:
    # 27 layers: 81^(1/4) = 3 and 324^(-1/4) = 1 / sqrt(18).
    assert decoder_beside_encoder(27) == pytest.approx((3.0, 0.235702), abs=1e-6)
