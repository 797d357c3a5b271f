"""Which of Colab's cards a notebook should ask for."""

from webapp.catalog.case import training_length
from webapp.catalog.constraints import smallest_estimate
from webapp.catalog.gpus import Gpu, gpus
from webapp.catalog.methods import methods_on, resolve_method
from webapp.catalog.models import BaseModel
from webapp.catalog.profile import Profile


def colab_cards() -> tuple[Gpu, ...]:
    """The cards that Colab offers, the smallest first."""
    return tuple(gpu for gpu in gpus() if gpu.colab)


def card_for(model: BaseModel, profile: Profile, method: str | None = None) -> Gpu:
    """The smallest of Colab's cards that can train the model on this data by LoRA or QLoRA, or by the `method`.

    The largest where none can.
    """
    for gpu in colab_cards():
        if gpu.fp16 and not model.t4:
            continue
        length = training_length(profile.needed_tokens(model), model, gpu)
        methods = (resolve_method(method, gpu),) if method else methods_on(gpu)
        if any(smallest_estimate(model, gpu, way, length).fits for way in methods):
            return gpu
    return colab_cards()[-1]
