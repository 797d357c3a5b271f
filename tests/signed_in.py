"""People who have signed in, for tests in which how they did so does not matter: `Authorization: Bearer <name>`."""

from webapp.accounts import NOBODY, Caller, Credentials
from webapp.errors import Problem


class Named:
    """An Authentication in which a bearer token is a person's name; `pro` ones have that tier."""

    def __init__(self, **callers: Caller) -> None:
        self.callers = callers

    def caller(self, given: Credentials) -> Caller:
        shown = given.bearer or given.api_key
        if not shown:
            return NOBODY
        if shown not in self.callers:
            raise Problem("invalid_token", "Nobody goes by this name.", status=401)
        return self.callers[shown]


def install(app, **callers):
    """Has the application know these people; answers it."""
    app.extensions["tunebook"].__dict__["authentication"] = Named(**callers)
    return app
