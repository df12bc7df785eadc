"""The two ways in which a measurement yields no figure."""


class MeasuringError(Exception):
    """Something was wrong: a program failed, or did not do what it was timed for."""


class NotRun(Exception):
    """This machine lacks something that the measurement needs."""
