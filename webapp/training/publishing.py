"""A run's model on the Hugging Face hub: private, and only when it is asked for."""

from pathlib import Path
from typing import Any

LEFT_OUT = ["*.pt", "*.partial"]  # checkpoints


def publish(api: Any, folder: Path, repository: str) -> str:
    """Uploads the folder to a private repository, made if need be, and answers its address.

    `api` is a huggingface_hub.HfApi. ValueError when the repository is there already and public: nothing is sent then.
    """
    address = str(api.create_repo(repository, private=True, exist_ok=True))
    if not api.repo_info(repository).private:
        raise ValueError(f"{repository} is public: make it private or choose another name; nothing was uploaded")
    api.upload_folder(repo_id=repository, folder_path=folder, ignore_patterns=LEFT_OUT)
    return address
