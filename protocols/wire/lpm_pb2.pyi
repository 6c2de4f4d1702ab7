from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class Phase(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    SPEAK: _ClassVar[Phase]
    DECIDE: _ClassVar[Phase]
    THRESHOLDS: _ClassVar[Phase]
    TOKENS: _ClassVar[Phase]
SPEAK: Phase
DECIDE: Phase
THRESHOLDS: Phase
TOKENS: Phase

class JoinRequest(_message.Message):
    __slots__ = ("run_id", "key", "since")
    RUN_ID_FIELD_NUMBER: _ClassVar[int]
    KEY_FIELD_NUMBER: _ClassVar[int]
    SINCE_FIELD_NUMBER: _ClassVar[int]
    run_id: bytes
    key: bytes
    since: int
    def __init__(self, run_id: _Optional[bytes] = ..., key: _Optional[bytes] = ..., since: _Optional[int] = ...) -> None: ...

class JoinReply(_message.Message):
    __slots__ = ("step", "public", "counted")
    STEP_FIELD_NUMBER: _ClassVar[int]
    PUBLIC_FIELD_NUMBER: _ClassVar[int]
    COUNTED_FIELD_NUMBER: _ClassVar[int]
    step: int
    public: bytes
    counted: int
    def __init__(self, step: _Optional[int] = ..., public: _Optional[bytes] = ..., counted: _Optional[int] = ...) -> None: ...

class ExchangeRequest(_message.Message):
    __slots__ = ("run_id", "step", "share", "phase", "start")
    RUN_ID_FIELD_NUMBER: _ClassVar[int]
    STEP_FIELD_NUMBER: _ClassVar[int]
    SHARE_FIELD_NUMBER: _ClassVar[int]
    PHASE_FIELD_NUMBER: _ClassVar[int]
    START_FIELD_NUMBER: _ClassVar[int]
    run_id: bytes
    step: int
    share: bytes
    phase: Phase
    start: bytes
    def __init__(self, run_id: _Optional[bytes] = ..., step: _Optional[int] = ..., share: _Optional[bytes] = ..., phase: _Optional[_Union[Phase, str]] = ..., start: _Optional[bytes] = ...) -> None: ...

class ExchangeReply(_message.Message):
    __slots__ = ("step", "own", "release", "synthetic", "members", "phase")
    STEP_FIELD_NUMBER: _ClassVar[int]
    OWN_FIELD_NUMBER: _ClassVar[int]
    RELEASE_FIELD_NUMBER: _ClassVar[int]
    SYNTHETIC_FIELD_NUMBER: _ClassVar[int]
    MEMBERS_FIELD_NUMBER: _ClassVar[int]
    PHASE_FIELD_NUMBER: _ClassVar[int]
    step: int
    own: bytes
    release: bytes
    synthetic: bytes
    members: int
    phase: Phase
    def __init__(self, step: _Optional[int] = ..., own: _Optional[bytes] = ..., release: _Optional[bytes] = ..., synthetic: _Optional[bytes] = ..., members: _Optional[int] = ..., phase: _Optional[_Union[Phase, str]] = ...) -> None: ...

class AnnounceRequest(_message.Message):
    __slots__ = ("run_id", "step", "synthetic")
    RUN_ID_FIELD_NUMBER: _ClassVar[int]
    STEP_FIELD_NUMBER: _ClassVar[int]
    SYNTHETIC_FIELD_NUMBER: _ClassVar[int]
    run_id: bytes
    step: int
    synthetic: bytes
    def __init__(self, run_id: _Optional[bytes] = ..., step: _Optional[int] = ..., synthetic: _Optional[bytes] = ...) -> None: ...

class AnnounceReply(_message.Message):
    __slots__ = ("step", "release", "members", "traffic", "names", "refused")
    STEP_FIELD_NUMBER: _ClassVar[int]
    RELEASE_FIELD_NUMBER: _ClassVar[int]
    MEMBERS_FIELD_NUMBER: _ClassVar[int]
    TRAFFIC_FIELD_NUMBER: _ClassVar[int]
    NAMES_FIELD_NUMBER: _ClassVar[int]
    REFUSED_FIELD_NUMBER: _ClassVar[int]
    step: int
    release: bytes
    members: int
    traffic: int
    names: _containers.RepeatedScalarFieldContainer[str]
    refused: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, step: _Optional[int] = ..., release: _Optional[bytes] = ..., members: _Optional[int] = ..., traffic: _Optional[int] = ..., names: _Optional[_Iterable[str]] = ..., refused: _Optional[_Iterable[str]] = ...) -> None: ...

class MembersRequest(_message.Message):
    __slots__ = ("run_id", "step", "phase")
    RUN_ID_FIELD_NUMBER: _ClassVar[int]
    STEP_FIELD_NUMBER: _ClassVar[int]
    PHASE_FIELD_NUMBER: _ClassVar[int]
    run_id: bytes
    step: int
    phase: Phase
    def __init__(self, run_id: _Optional[bytes] = ..., step: _Optional[int] = ..., phase: _Optional[_Union[Phase, str]] = ...) -> None: ...

class MembersReply(_message.Message):
    __slots__ = ("step", "names", "phase", "head", "announced", "starts")
    STEP_FIELD_NUMBER: _ClassVar[int]
    NAMES_FIELD_NUMBER: _ClassVar[int]
    PHASE_FIELD_NUMBER: _ClassVar[int]
    HEAD_FIELD_NUMBER: _ClassVar[int]
    ANNOUNCED_FIELD_NUMBER: _ClassVar[int]
    STARTS_FIELD_NUMBER: _ClassVar[int]
    step: int
    names: _containers.RepeatedScalarFieldContainer[str]
    phase: Phase
    head: bytes
    announced: bytes
    starts: _containers.RepeatedScalarFieldContainer[bytes]
    def __init__(self, step: _Optional[int] = ..., names: _Optional[_Iterable[str]] = ..., phase: _Optional[_Union[Phase, str]] = ..., head: _Optional[bytes] = ..., announced: _Optional[bytes] = ..., starts: _Optional[_Iterable[bytes]] = ...) -> None: ...

class ComparedRequest(_message.Message):
    __slots__ = ("run_id", "step", "phase")
    RUN_ID_FIELD_NUMBER: _ClassVar[int]
    STEP_FIELD_NUMBER: _ClassVar[int]
    PHASE_FIELD_NUMBER: _ClassVar[int]
    run_id: bytes
    step: int
    phase: Phase
    def __init__(self, run_id: _Optional[bytes] = ..., step: _Optional[int] = ..., phase: _Optional[_Union[Phase, str]] = ...) -> None: ...

class ComparedReply(_message.Message):
    __slots__ = ("step", "name")
    STEP_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    step: int
    name: bytes
    def __init__(self, step: _Optional[int] = ..., name: _Optional[bytes] = ...) -> None: ...

class TriedRequest(_message.Message):
    __slots__ = ("run_id", "step", "trial", "over")
    RUN_ID_FIELD_NUMBER: _ClassVar[int]
    STEP_FIELD_NUMBER: _ClassVar[int]
    TRIAL_FIELD_NUMBER: _ClassVar[int]
    OVER_FIELD_NUMBER: _ClassVar[int]
    run_id: bytes
    step: int
    trial: int
    over: bytes
    def __init__(self, run_id: _Optional[bytes] = ..., step: _Optional[int] = ..., trial: _Optional[int] = ..., over: _Optional[bytes] = ...) -> None: ...

class TriedReply(_message.Message):
    __slots__ = ("step", "trial", "over", "share")
    STEP_FIELD_NUMBER: _ClassVar[int]
    TRIAL_FIELD_NUMBER: _ClassVar[int]
    OVER_FIELD_NUMBER: _ClassVar[int]
    SHARE_FIELD_NUMBER: _ClassVar[int]
    step: int
    trial: int
    over: bytes
    share: bytes
    def __init__(self, step: _Optional[int] = ..., trial: _Optional[int] = ..., over: _Optional[bytes] = ..., share: _Optional[bytes] = ...) -> None: ...

class Envelope(_message.Message):
    __slots__ = ("sender", "content", "nonce", "signature", "parts")
    SENDER_FIELD_NUMBER: _ClassVar[int]
    CONTENT_FIELD_NUMBER: _ClassVar[int]
    NONCE_FIELD_NUMBER: _ClassVar[int]
    SIGNATURE_FIELD_NUMBER: _ClassVar[int]
    PARTS_FIELD_NUMBER: _ClassVar[int]
    sender: str
    content: bytes
    nonce: bytes
    signature: bytes
    parts: _containers.RepeatedScalarFieldContainer[bytes]
    def __init__(self, sender: _Optional[str] = ..., content: _Optional[bytes] = ..., nonce: _Optional[bytes] = ..., signature: _Optional[bytes] = ..., parts: _Optional[_Iterable[bytes]] = ...) -> None: ...

class MaskedRequest(_message.Message):
    __slots__ = ("run_id", "envelope")
    RUN_ID_FIELD_NUMBER: _ClassVar[int]
    ENVELOPE_FIELD_NUMBER: _ClassVar[int]
    run_id: bytes
    envelope: Envelope
    def __init__(self, run_id: _Optional[bytes] = ..., envelope: _Optional[_Union[Envelope, _Mapping]] = ...) -> None: ...

class MaskedReply(_message.Message):
    __slots__ = ("envelope",)
    ENVELOPE_FIELD_NUMBER: _ClassVar[int]
    envelope: Envelope
    def __init__(self, envelope: _Optional[_Union[Envelope, _Mapping]] = ...) -> None: ...

class LetterRequest(_message.Message):
    __slots__ = ("run_id", "number", "to", "content", "wanted")
    RUN_ID_FIELD_NUMBER: _ClassVar[int]
    NUMBER_FIELD_NUMBER: _ClassVar[int]
    TO_FIELD_NUMBER: _ClassVar[int]
    CONTENT_FIELD_NUMBER: _ClassVar[int]
    WANTED_FIELD_NUMBER: _ClassVar[int]
    run_id: bytes
    number: int
    to: str
    content: bytes
    wanted: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, run_id: _Optional[bytes] = ..., number: _Optional[int] = ..., to: _Optional[str] = ..., content: _Optional[bytes] = ..., wanted: _Optional[_Iterable[str]] = ...) -> None: ...

class LetterReply(_message.Message):
    __slots__ = ("sender", "content")
    SENDER_FIELD_NUMBER: _ClassVar[int]
    CONTENT_FIELD_NUMBER: _ClassVar[int]
    sender: str
    content: bytes
    def __init__(self, sender: _Optional[str] = ..., content: _Optional[bytes] = ...) -> None: ...

class Opening(_message.Message):
    __slots__ = ("sealed", "certificate", "signature")
    SEALED_FIELD_NUMBER: _ClassVar[int]
    CERTIFICATE_FIELD_NUMBER: _ClassVar[int]
    SIGNATURE_FIELD_NUMBER: _ClassVar[int]
    sealed: bytes
    certificate: bytes
    signature: bytes
    def __init__(self, sealed: _Optional[bytes] = ..., certificate: _Optional[bytes] = ..., signature: _Optional[bytes] = ...) -> None: ...

class SealedRequest(_message.Message):
    __slots__ = ("run_id", "to", "client", "opening", "counter", "body")
    RUN_ID_FIELD_NUMBER: _ClassVar[int]
    TO_FIELD_NUMBER: _ClassVar[int]
    CLIENT_FIELD_NUMBER: _ClassVar[int]
    OPENING_FIELD_NUMBER: _ClassVar[int]
    COUNTER_FIELD_NUMBER: _ClassVar[int]
    BODY_FIELD_NUMBER: _ClassVar[int]
    run_id: bytes
    to: str
    client: str
    opening: Opening
    counter: int
    body: bytes
    def __init__(self, run_id: _Optional[bytes] = ..., to: _Optional[str] = ..., client: _Optional[str] = ..., opening: _Optional[_Union[Opening, _Mapping]] = ..., counter: _Optional[int] = ..., body: _Optional[bytes] = ...) -> None: ...

class SealedReply(_message.Message):
    __slots__ = ("body",)
    BODY_FIELD_NUMBER: _ClassVar[int]
    body: bytes
    def __init__(self, body: _Optional[bytes] = ...) -> None: ...

class Call(_message.Message):
    __slots__ = ("number", "method", "content")
    NUMBER_FIELD_NUMBER: _ClassVar[int]
    METHOD_FIELD_NUMBER: _ClassVar[int]
    CONTENT_FIELD_NUMBER: _ClassVar[int]
    number: int
    method: str
    content: bytes
    def __init__(self, number: _Optional[int] = ..., method: _Optional[str] = ..., content: _Optional[bytes] = ...) -> None: ...

class Answer(_message.Message):
    __slots__ = ("number", "content", "status", "code", "details")
    NUMBER_FIELD_NUMBER: _ClassVar[int]
    CONTENT_FIELD_NUMBER: _ClassVar[int]
    STATUS_FIELD_NUMBER: _ClassVar[int]
    CODE_FIELD_NUMBER: _ClassVar[int]
    DETAILS_FIELD_NUMBER: _ClassVar[int]
    number: int
    content: bytes
    status: int
    code: str
    details: str
    def __init__(self, number: _Optional[int] = ..., content: _Optional[bytes] = ..., status: _Optional[int] = ..., code: _Optional[str] = ..., details: _Optional[str] = ...) -> None: ...
