"""The exception for errors that the user can fix."""


class UserError(Exception):
    """An error that the user can fix: `problem` says what is wrong and where, `hint` what to do.

    Commands print both without a traceback, and exit with status 1.
    """

    def __init__(self, problem: str, hint: str) -> None:
        super().__init__(f"{problem} {hint}")
        self.problem = problem
        self.hint = hint
