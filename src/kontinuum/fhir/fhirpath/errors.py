"""The one error the FHIRPath engine raises."""

from __future__ import annotations


class FHIRPathError(ValueError):
    """An expression that cannot be read, or that cannot be applied to the data it was given.

    `position` is the zero-based offset in `expression` the problem was found at, when it is known.
    Source: https://hl7.org/fhirpath/N1/#error-handling (FHIRPath signals errors to the caller).
    """

    def __init__(self, message: str, *, expression: str | None = None, position: int | None = None) -> None:
        self.message = message
        self.expression = expression
        self.position = position
        super().__init__(message)

    def __str__(self) -> str:
        if self.expression is None:
            return self.message
        if self.position is None:
            return f"{self.message} In: {_shortened(self.expression)}"
        line = self.expression.count("\n", 0, self.position) + 1
        column = self.position - (self.expression.rfind("\n", 0, self.position) + 1) + 1
        return f"{self.message} At line {line}, column {column} of: {_shortened(self.expression)}"


def _shortened(expression: str) -> str:
    return expression if len(expression) <= 200 else f"{expression[:197]}..."
