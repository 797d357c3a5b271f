"""Commands of the command line that work on a dataset file; `webapp.cli` gathers them."""
