"""How the API says no: `{"error": what is wrong, "hint": what to do}` and a status of 4xx."""

from starlette.responses import JSONResponse


class ClientError(Exception):
    """A request that is turned away, for a reason that its sender can put right."""

    def __init__(self, status: int, error: str, hint: str, headers: dict[str, str] | None = None) -> None:
        super().__init__(error)
        self.status = status
        self.error = error
        self.hint = hint
        self.headers = headers

    def response(self) -> JSONResponse:
        """The answer that says so."""
        return JSONResponse({"error": self.error, "hint": self.hint}, self.status, self.headers)
