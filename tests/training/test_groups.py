import pytest
import torch

from webapp.training.groups import in_groups

OUT_OF_MEMORY = (
    torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB"),
    RuntimeError("[enforce fail at alloc_cpu.cpp:118] DefaultCPUAllocator: can't allocate memory"),
)


class Worker:
    """Doubles each index of a group; fails with `error` above so many at once."""

    def __init__(self, most, error=OUT_OF_MEMORY[0]):
        self.most, self.error, self.sizes = most, error, []

    def __call__(self, group):
        self.sizes.append(len(group))
        if len(group) > self.most:
            raise self.error
        return [2 * index for index in group]


def test_every_index_comes_once_and_in_order():
    worker = Worker(8)
    assert list(in_groups([3, 1, 2, 0, 4], 2, worker)) == [(3, 6), (1, 2), (2, 4), (0, 0), (4, 8)]
    assert worker.sizes == [2, 2, 1]


@pytest.mark.parametrize("error", OUT_OF_MEMORY, ids=["cuda", "cpu"])
def test_where_memory_runs_out_the_groups_are_halved_from_there_on_and_it_is_said(capsys, error):
    worker = Worker(2, error)
    assert dict(in_groups(range(11), 8, worker)) == {index: 2 * index for index in range(11)}
    assert worker.sizes == [8, 4, 2, 2, 2, 2, 2, 1]
    assert capsys.readouterr().out.splitlines() == [
        "out of memory: 8 rows at a time become 4",
        "out of memory: 4 rows at a time become 2",
    ]


def test_one_row_that_does_not_fit_raises_and_so_does_any_other_error():
    with pytest.raises(torch.OutOfMemoryError):
        list(in_groups(range(8), 8, Worker(0)))
    worker = Worker(0, RuntimeError("size mismatch"))
    with pytest.raises(RuntimeError, match="size mismatch"):
        list(in_groups(range(8), 8, worker))
    assert worker.sizes == [8]
