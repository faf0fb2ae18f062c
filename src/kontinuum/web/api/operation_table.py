"""The operations that this server offers, one row each; the CapabilityStatement is made from the same."""

from __future__ import annotations

from collections.abc import Mapping

from kontinuum.web.api import bulk
from kontinuum.web.api import record_operations as record
from kontinuum.web.api import subscription_operations as subscriptions
from kontinuum.web.api import terminology_operations as terminology
from kontinuum.web.api.answer import Answer
from kontinuum.web.api.call import Call
from kontinuum.web.api.interactions import Invocation
from kontinuum.web.api.operations import Handler, Level, Operation, Parameter, invoke

_BASE = "http://hl7.org/fhir/OperationDefinition/"


def _row(
    type_name: str, name: str, handler: Handler, taken: str, refused: str = "", *, instance: bool = True
) -> Operation:
    """A terminology operation; `taken` and `refused` list parameters as `name:type`, `*` if repeated."""
    parameters: dict[str, Parameter] = {**_parameters(taken, True), **_parameters(refused, False)}
    levels = {Level.TYPE, Level.INSTANCE} if instance else {Level.TYPE}
    definition = f"{_BASE}{type_name}-{name}"
    return Operation(name, definition, frozenset(levels), (type_name,), parameters, handler)


def _parameters(listed: str, offered: bool) -> Mapping[str, Parameter]:
    named = (each.partition(":") for each in listed.split())
    return {
        name: Parameter(type_name.removesuffix("*"), type_name.endswith("*"), offered)
        for name, _, type_name in named
    }


OPERATIONS: tuple[Operation, ...] = (
    _row(
        "CodeSystem",
        "lookup",
        terminology.lookup,
        "code:code system:uri version:string coding:Coding displayLanguage:code property:code*",
        "date:dateTime",
        instance=False,
    ),
    _row(
        "CodeSystem",
        "validate-code",
        terminology.validate_code,
        "url:uri code:code version:string display:string coding:Coding codeableConcept:CodeableConcept "
        "displayLanguage:code",
        "codeSystem:CodeSystem date:dateTime abstract:boolean",
    ),
    _row(
        "CodeSystem",
        "subsumes",
        terminology.subsumes,
        "codeA:code codeB:code system:uri version:string codingA:Coding codingB:Coding",
    ),
    _row(
        "ValueSet",
        "expand",
        terminology.expand,
        "url:uri valueSet:ValueSet valueSetVersion:string filter:string offset:integer count:integer "
        "includeDesignations:boolean activeOnly:boolean excludeNested:boolean displayLanguage:code",
        "context:uri contextDirection:code date:dateTime designation:string* includeDefinition:boolean "
        "excludeNotForUI:boolean excludePostCoordinated:boolean exclude-system:canonical* "
        "system-version:canonical* check-system-version:canonical* force-system-version:canonical*",
    ),
    _row(
        "ValueSet",
        "validate-code",
        terminology.validate_in_value_set,
        "url:uri valueSet:ValueSet valueSetVersion:string code:code system:uri systemVersion:string "
        "display:string coding:Coding codeableConcept:CodeableConcept displayLanguage:code",
        "context:uri date:dateTime abstract:boolean",
    ),
    _row(
        "ConceptMap",
        "translate",
        terminology.translate,
        "url:uri conceptMapVersion:string code:code system:uri coding:Coding "
        "codeableConcept:CodeableConcept targetsystem:uri reverse:boolean",
        "conceptMap:ConceptMap version:string source:uri target:uri dependency:string*",
    ),
)


_RESOURCE = Parameter("Resource", as_given=True)
_LABELS = {"meta": Parameter("Meta")}

OPERATIONS += (
    Operation(
        "everything",
        f"{_BASE}Patient-everything",
        frozenset({Level.TYPE, Level.INSTANCE}),
        ("Patient",),
        _parameters("start:date end:date _since:instant _type:code* _count:integer _cursor:string", True),
        record.everything,
    ),
    Operation(
        "everything",
        f"{_BASE}Encounter-everything",
        frozenset({Level.INSTANCE}),
        ("Encounter",),
        _parameters("_since:instant _type:code* _count:integer _cursor:string", True),
        record.everything,
    ),
    Operation(
        "lastn",
        f"{_BASE}Observation-lastn",
        frozenset({Level.TYPE}),
        ("Observation",),
        _parameters("max:integer", True),
        record.lastn,
        searches=True,
    ),
    Operation(
        "validate",
        f"{_BASE}Resource-validate",
        frozenset({Level.TYPE, Level.INSTANCE}),
        (),
        {"resource": _RESOURCE, **_parameters("mode:code profile:uri", True)},
        record.validate,
    ),
    Operation("meta", f"{_BASE}Resource-meta", frozenset(Level), (), {}, record.meta),
    Operation(
        "meta-add",
        f"{_BASE}Resource-meta-add",
        frozenset({Level.INSTANCE}),
        (),
        _LABELS,
        record.meta_add,
        affects_state=True,
    ),
    Operation(
        "meta-delete",
        f"{_BASE}Resource-meta-delete",
        frozenset({Level.INSTANCE}),
        (),
        _LABELS,
        record.meta_delete,
        affects_state=True,
    ),
)

_SUBSCRIPTION = "http://hl7.org/fhir/uv/subscriptions-backport/OperationDefinition/backport-subscription-"

OPERATIONS += (
    Operation(
        "status",
        f"{_SUBSCRIPTION}status",
        frozenset({Level.TYPE, Level.INSTANCE}),
        ("Subscription",),
        _parameters("id:id* status:code*", True),
        subscriptions.status,
    ),
    Operation(
        "events",
        f"{_SUBSCRIPTION}events",
        frozenset({Level.INSTANCE}),
        ("Subscription",),
        _parameters("eventsSinceNumber:string eventsUntilNumber:string content:code", True),
        subscriptions.events,
    ),
    Operation(
        "get-ws-binding-token",
        f"{_SUBSCRIPTION}get-ws-binding-token",
        frozenset({Level.TYPE, Level.INSTANCE}),
        ("Subscription",),
        _parameters("id:id*", True),
        subscriptions.binding_token,
    ),
)


_BULK = "http://hl7.org/fhir/uv/bulkdata/OperationDefinition/"
_EXPORTED = "_outputFormat:string _since:instant _type:string* _typeFilter:string* _elements:string*"
_NOT_EXPORTED = (
    "_until:instant includeAssociatedData:string* organizeOutputBy:string allowPartialManifests:boolean"
)

OPERATIONS += (
    Operation(
        "export",
        f"{_BULK}export",
        frozenset({Level.SYSTEM}),
        (),
        {**_parameters(_EXPORTED, True), **_parameters(f"{_NOT_EXPORTED} patient:Reference*", False)},
        bulk.export,
        ordered=True,
    ),
    Operation(
        "export",
        f"{_BULK}patient-export",
        frozenset({Level.TYPE}),
        ("Patient",),
        {**_parameters(f"{_EXPORTED} patient:Reference*", True), **_parameters(_NOT_EXPORTED, False)},
        bulk.export,
        ordered=True,
    ),
    Operation(
        "export",
        f"{_BULK}group-export",
        frozenset({Level.INSTANCE}),
        ("Group",),
        {**_parameters(f"{_EXPORTED} patient:Reference*", True), **_parameters(_NOT_EXPORTED, False)},
        bulk.export,
        ordered=True,
    ),
    Operation(
        "import",
        "urn:kontinuum:operation:import",
        frozenset({Level.SYSTEM}),
        (),
        {},
        bulk.bring_in,
        affects_state=True,
        ordered=True,
        file=True,
    ),
)


async def invoke_operation(call: Call, wanted: Invocation) -> Answer:
    """Carry out the operation that was asked for, if it is one of the table."""
    return await invoke(call, wanted, OPERATIONS)
