"""How much of the tests with real signals is run: a part of it in every test run, all of it by `make test-faults`."""

import os

FULL = os.environ.get("TUNEBOOK_TEST_FAULTS") == "full"
ROUNDS = 20 if FULL else 2
