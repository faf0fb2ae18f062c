"""A synthetic region for demonstration and load tests: care providers, staff, patients and their charts.

Pure and deterministic: the same seed, number and day give the same resources; no network, no clock, no shared
random state. All persons are made up; see docs/demo.md for where numbers, codes and texts come from.
"""

from kontinuum.demo.cast import patient_personas
from kontinuum.demo.generator import MAX_PATIENTS, Batch, generate, one_patient
from kontinuum.demo.region import staff_personas
from kontinuum.kernel.principal import Persona

__all__ = ["MAX_PATIENTS", "Batch", "generate", "one_patient", "personas"]


def personas() -> tuple[Persona, ...]:
    """Give those a visitor may sign in as: staff with their assignments, and patients."""
    return (*staff_personas(), *patient_personas())
