from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable
from typing import ClassVar as _ClassVar, Optional as _Optional

DESCRIPTOR: _descriptor.FileDescriptor

class JoinRequest(_message.Message):
    __slots__ = ("run_id", "key")
    RUN_ID_FIELD_NUMBER: _ClassVar[int]
    KEY_FIELD_NUMBER: _ClassVar[int]
    run_id: bytes
    key: bytes
    def __init__(self, run_id: _Optional[bytes] = ..., key: _Optional[bytes] = ...) -> None: ...

class JoinReply(_message.Message):
    __slots__ = ("step",)
    STEP_FIELD_NUMBER: _ClassVar[int]
    step: int
    def __init__(self, step: _Optional[int] = ...) -> None: ...

class ExchangeRequest(_message.Message):
    __slots__ = ("run_id", "step", "share")
    RUN_ID_FIELD_NUMBER: _ClassVar[int]
    STEP_FIELD_NUMBER: _ClassVar[int]
    SHARE_FIELD_NUMBER: _ClassVar[int]
    run_id: bytes
    step: int
    share: bytes
    def __init__(self, run_id: _Optional[bytes] = ..., step: _Optional[int] = ..., share: _Optional[bytes] = ...) -> None: ...

class ExchangeReply(_message.Message):
    __slots__ = ("step", "exposure", "release", "synthetic", "members")
    STEP_FIELD_NUMBER: _ClassVar[int]
    EXPOSURE_FIELD_NUMBER: _ClassVar[int]
    RELEASE_FIELD_NUMBER: _ClassVar[int]
    SYNTHETIC_FIELD_NUMBER: _ClassVar[int]
    MEMBERS_FIELD_NUMBER: _ClassVar[int]
    step: int
    exposure: bytes
    release: bytes
    synthetic: bytes
    members: int
    def __init__(self, step: _Optional[int] = ..., exposure: _Optional[bytes] = ..., release: _Optional[bytes] = ..., synthetic: _Optional[bytes] = ..., members: _Optional[int] = ...) -> None: ...

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
    __slots__ = ("step", "release", "members", "traffic")
    STEP_FIELD_NUMBER: _ClassVar[int]
    RELEASE_FIELD_NUMBER: _ClassVar[int]
    MEMBERS_FIELD_NUMBER: _ClassVar[int]
    TRAFFIC_FIELD_NUMBER: _ClassVar[int]
    step: int
    release: bytes
    members: int
    traffic: int
    def __init__(self, step: _Optional[int] = ..., release: _Optional[bytes] = ..., members: _Optional[int] = ..., traffic: _Optional[int] = ...) -> None: ...

class MembersRequest(_message.Message):
    __slots__ = ("run_id", "step")
    RUN_ID_FIELD_NUMBER: _ClassVar[int]
    STEP_FIELD_NUMBER: _ClassVar[int]
    run_id: bytes
    step: int
    def __init__(self, run_id: _Optional[bytes] = ..., step: _Optional[int] = ...) -> None: ...

class MembersReply(_message.Message):
    __slots__ = ("step", "names")
    STEP_FIELD_NUMBER: _ClassVar[int]
    NAMES_FIELD_NUMBER: _ClassVar[int]
    step: int
    names: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, step: _Optional[int] = ..., names: _Optional[_Iterable[str]] = ...) -> None: ...
