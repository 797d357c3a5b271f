"""The base model that somebody names: of the catalogue, or any other of the hub."""

from webapp.catalog import BaseModel
from webapp.hub import ChosenModel, choose_model
from webapp.workflow.services import Services


def chosen_model(services: Services, model_id: str) -> ChosenModel:
    """The model and its chat format; raises the Problems of `hub.choose_model`. Never a folder of this machine."""
    return choose_model(model_id, services.settings)


def base_model(services: Services, model_id: str) -> BaseModel:
    """The model alone; raises the same."""
    return chosen_model(services, model_id).model
