"""Is fine-tuning the right thing? Measured once the report on a dataset is there, and kept with its examples."""

import msgspec

from webapp.accounts import Caller
from webapp.baselines import Gate
from webapp.baselines import gate as measure
from webapp.notebooks import TrainingConfig
from webapp.workflow.analyses import dataset_state, examples_key, open_examples
from webapp.workflow.services import Services


def keep_gate(services: Services, dataset_id: str) -> None:
    """Measures the examples of a dataset, with the rows held out that a notebook holds out if nothing else is set."""
    config = TrainingConfig()
    measured = measure(open_examples(services, dataset_id), config.eval_fraction, config.seed)
    with services.blobs.new_file(_key(dataset_id)) as file:
        file.write(msgspec.json.encode(measured))


def gate(services: Services, caller: Caller, dataset_id: str) -> Gate | None:
    """What was measured, None as long as nothing was; raises Problem `dataset_not_found`."""
    path = services.blobs.path(_key(dataset_state(services, caller, dataset_id).dataset.id))
    try:
        return msgspec.json.decode(path.read_bytes(), type=Gate)
    except FileNotFoundError:
        return None


def _key(dataset_id: str) -> str:
    return f"{examples_key(dataset_id)}/gate.json"  # among the examples: new ones leave no old gate behind
