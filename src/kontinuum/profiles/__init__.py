"""The profiles of an installation: those of Kontinuum, and packages that an operator has loaded."""

from kontinuum.profiles.service import Profiles

__all__ = ["Profiles"]
