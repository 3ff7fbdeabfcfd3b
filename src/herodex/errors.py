"""The one exception that is meant for people."""


class UserError(Exception):
    """Something the user can put right: `problem` says what is wrong and where, `hint` what to do.

    Commands print both and exit with status 1; they never show a traceback for it.
    """

    def __init__(self, problem: str, hint: str) -> None:
        super().__init__(f"{problem} {hint}")
        self.problem = problem
        self.hint = hint
