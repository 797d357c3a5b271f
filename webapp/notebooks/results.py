"""What a run leaves in its working folder, by name; known without loading what runs notebooks."""

EXECUTED = "executed.ipynb"
RESULTS = "tunebook-run"  # the notebook's output_dir
REPORT = f"{RESULTS}/report.json"
