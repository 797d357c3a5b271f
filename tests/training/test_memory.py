"""The table that is shown; the formula itself is held against published peaks in tests/catalog/test_memory.py."""

from webapp.training.memory import Dimensions, Load, memory_table, predicted_memory

SMALL = Dimensions(1_000_000, 0, 200_000, 4, 64, 64, 32, 192, 1000)


def test_predictions_and_measures_stand_side_by_side():
    predicted = predicted_memory(SMALL, Load("lora", 2, 2, 2048, 8))
    lines = memory_table(predicted, {"weights": 2**30}).splitlines()
    assert lines[0].split() == ["GiB", "predicted", "measured"]
    assert lines[1].split() == ["weights", "0.00", "1.00"]
    assert [line.split()[0] for line in lines[1:-1]] == list(predicted)
    assert lines[-1].split() == ["at", "the", "peak", f"{sum(predicted.values()) / 2**30:.2f}"]


def test_32_bit_master_weights_take_16_bytes_a_parameter_and_16_bit_ones_8():
    trained = ("weights", "gradients", "optimizer")
    for trained_bytes in (2, 4):
        parts = predicted_memory(SMALL, Load("full", 2, trained_bytes, 2048, 8))
        assert sum(parts[name] for name in trained) == 4 * trained_bytes * SMALL.parameters
