"""The modulus-10 check digit (Luhn) of Swedish personal and organisation numbers.

Skatteverket, SKV 704 (personnummer) and SKV 709 (organisationsnummer): the digits are weighted 2, 1, 2, ...
from the left; the digit sums of the products and the check digit together make a multiple of ten.
"""

_DOUBLED = (0, 2, 4, 6, 8, 1, 3, 5, 7, 9)


def check_digit(nine_digits: str) -> int:
    """Compute the check digit that follows nine digits (SKV 704)."""
    total = sum(
        _DOUBLED[int(digit)] if position % 2 == 0 else int(digit)
        for position, digit in enumerate(nine_digits)
    )
    return -total % 10


def has_valid_check_digit(ten_digits: str) -> bool:
    """Tell whether the last of ten digits is the check digit of the nine before it (SKV 704)."""
    return check_digit(ten_digits[:9]) == int(ten_digits[9])
