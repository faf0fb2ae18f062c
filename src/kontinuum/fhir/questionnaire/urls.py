"""The addresses of the extensions that forms use.

http://hl7.org/fhir/R4/questionnaire-profiles.html#extensions and Structured Data Capture (SDC),
https://hl7.org/fhir/uv/sdc/.
"""

from __future__ import annotations

from typing import Final

CORE: Final = "http://hl7.org/fhir/StructureDefinition/"
SDC: Final = "http://hl7.org/fhir/uv/sdc/StructureDefinition/sdc-questionnaire-"

HIDDEN: Final = CORE + "questionnaire-hidden"
ITEM_CONTROL: Final = CORE + "questionnaire-itemControl"
SUPPORT_LINK: Final = CORE + "questionnaire-supportLink"
UNIT: Final = CORE + "questionnaire-unit"
UNIT_OPTION: Final = CORE + "questionnaire-unitOption"
MIN_OCCURS: Final = CORE + "questionnaire-minOccurs"
MAX_OCCURS: Final = CORE + "questionnaire-maxOccurs"
CONSTRAINT: Final = CORE + "questionnaire-constraint"
OPTION_EXCLUSIVE: Final = CORE + "questionnaire-optionExclusive"
MIN_VALUE: Final = CORE + "minValue"
MAX_VALUE: Final = CORE + "maxValue"
MIN_LENGTH: Final = CORE + "minLength"
MAX_DECIMALS: Final = CORE + "maxDecimalPlaces"
REGEX: Final = CORE + "regex"
ENTRY_FORMAT: Final = CORE + "entryFormat"
VARIABLE: Final = CORE + "variable"
ITEM_WEIGHT: Final = CORE + "itemWeight"
ORDINAL_VALUE: Final = CORE + "ordinalValue"

LAUNCH_CONTEXT: Final = SDC + "launchContext"
ENABLE_WHEN: Final = SDC + "enableWhenExpression"
CALCULATED: Final = SDC + "calculatedExpression"
INITIAL: Final = SDC + "initialExpression"
ANSWERS: Final = SDC + "answerExpression"
CANDIDATES: Final = SDC + "candidateExpression"
POPULATION_CONTEXT: Final = SDC + "itemPopulationContext"
OBSERVATION_LINK: Final = SDC + "observationLinkPeriod"
OBSERVATION_EXTRACT: Final = SDC + "observationExtract"
OBSERVATION_CATEGORY: Final = SDC + "observation-extract-category"
OBSERVATION_CATEGORY_4: Final = (
    "http://hl7.org/fhir/uv/sdc/StructureDefinition/sdc-questionnaire-observationExtractCategory"
)
EXTRACTION_CONTEXT: Final = SDC + "itemExtractionContext"
DEFINITION_EXTRACT: Final = SDC + "definitionExtract"
DEFINITION_VALUE: Final = SDC + "definitionExtractValue"
TERMINOLOGY_SERVER: Final = SDC + "preferredTerminologyServer"

NOT_CARRIED_OUT: Final = {
    SDC + "answerOptionsToggleExpression": "choices that are switched on and off",
    SDC + "templateExtract": "extraction by templates",
    SDC + "templateExtractBundle": "extraction by templates",
    SDC + "targetStructureMap": "extraction by StructureMap",
    SDC + "sourceStructureMap": "population by StructureMap",
    SDC + "lookupQuestionnaire": "choices looked up by another questionnaire",
    SDC + "subQuestionnaire": "modular forms",
    SDC + "contextExpression": "help by context",
    CORE + "cqf-library": "expressions in libraries",
    CORE + "cqf-calculatedValue": "calculated definitions",
}
"""What changes what a form does, and is kept but not carried out: authors are told."""
