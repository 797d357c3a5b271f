"""What people see of themselves."""

import pytest

from webapp import workflow
from webapp.accounts import LOCAL, NOBODY, VISITOR, Caller, audit
from webapp.errors import Problem


@pytest.mark.parametrize("caller", [NOBODY, VISITOR])
def test_who_has_not_signed_in_has_no_profile_and_did_nothing(services, caller):
    with pytest.raises(Problem) as caught:
        workflow.profile(services, caller)
    assert caught.value.code == "sign_in_required"
    with services.db.session() as session:
        audit.record(session, caller, "downloaded", "x")
    assert workflow.audit_page(services, caller, 10).events == []


def test_an_account_kept_elsewhere_is_known_by_what_its_token_says(services):
    profile = workflow.profile(services, Caller("ada", name="Ada", email="ada@example.org", tier="pro"))
    assert (profile.email, profile.name, profile.tier, profile.created_at) == ("ada@example.org", "Ada", "pro", None)


def test_the_local_person_has_everything_there_is(services):
    workflow.upload(services, Caller("ada"), "a.jsonl", [b"{}"])
    workflow.upload(services, LOCAL, "b.jsonl", [b"{}\n"])
    everything = workflow.profile(services, LOCAL)
    assert everything.id is None
    assert (everything.usage.datasets, everything.usage.bytes_stored, everything.usage.jobs_running) == (2, 5, 2)
    hers = workflow.profile(services, Caller("ada")).usage
    assert (hers.datasets, hers.bytes_stored, hers.jobs_running) == (1, 2, 1)


@pytest.mark.parametrize(
    "ask",
    [
        lambda services: workflow.make_key(services, LOCAL, "a", ["read"], None),
        lambda services: workflow.api_keys(services, LOCAL),
        lambda services: workflow.revoke_key(services, LOCAL, "x"),
    ],
)
def test_without_accounts_there_are_no_keys(services, ask):
    with pytest.raises(Problem) as caught:
        ask(services)
    assert (caught.value.code, caught.value.status) == ("no_accounts", 404)
