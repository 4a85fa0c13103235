"""What ends a launch: one clear line for the person at the terminal."""


class LaunchError(Exception):
    """The services cannot be started, or cannot go on; the message is one line."""
