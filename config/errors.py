"""What a command says when it gives up: one line, no traceback."""


class InputError(Exception):
    """Bad input: the message says what, where (file and key) and what to do. Exit code 2."""


class RunError(Exception):
    """A run that failed although its input was good. Exit code 1."""
