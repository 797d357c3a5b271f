"""What the document says of who may call which route, under each TUNEBOOK_AUTH."""

import pytest

from webapp.api.security import guarded

SHOWN = [{"bearer": []}, {"api_key": []}]


@pytest.mark.parametrize(
    ("auth", "reading", "training"),
    [
        ("off", [*SHOWN, {}], [*SHOWN, {}]),
        ("local", SHOWN, SHOWN),
        ("supabase", [*SHOWN, {}], SHOWN),
    ],
)
def test_what_has_to_be_shown_depends_on_who_is_let_in(app, auth, reading, training):
    asked = guarded(app, auth)
    assert asked["/jobs", "get"] == reading
    assert asked["/jobs/{job_id}/progress-token", "post"] == training
    assert ("/models", "get") not in asked
