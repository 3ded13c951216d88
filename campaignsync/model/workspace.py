"""Pydantic models of `campaignsync.yaml`.

A pull request can change the file. It therefore selects accounts and names the environment variable
that holds a key, but it cannot set an address, a proxy or a certificate.
"""

import re
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar, Literal

from pydantic import (
    BeforeValidator,
    ConfigDict,
    Field,
    GetJsonSchemaHandler,
    ValidationInfo,
    field_validator,
)

from campaignsync.model.kind import InvalidValue, Kind, Raw, Value
from campaignsync.model.kinds import SETTINGS, Text
from campaignsync.model.yaml_model import UNSET, Missing, OneOrMore, Section

FORBIDDEN = re.compile(
    r"url|host|endpoint|address|port$|(^|[_-])ca([_-]|$)|cert|verify|insecure|tls|ssl|prox|journal"
    r"|rate|timeout|key|token|secret|passw",
    re.IGNORECASE,
)
"""Matches keys that users may try here, but that a pull request must not be able to set."""


@dataclass(frozen=True, slots=True)
class NameKind(Kind):
    """A name that matches a pattern.

    The message does not repeat an invalid name, because it may be a misplaced API key.
    """

    pattern: str
    code: str
    message: str
    hint: str

    def parse(self, text: Raw) -> Value:
        if not re.fullmatch(self.pattern.removesuffix("$"), text, re.ASCII):
            raise InvalidValue(self.code, self.message, self.hint)
        return str(text)

    def __get_pydantic_json_schema__(
        self, schema: Any, handler: GetJsonSchemaHandler
    ) -> dict[str, Any]:
        described = handler(schema)
        return described if "enum" in described else {**described, "pattern": self.pattern}


class VersionKind(Kind):
    """The version of the file format: 1."""

    null_hint = "write `version: 1` at the top"

    def parse(self, text: Raw) -> Value:
        if not (text.plain and text == "1"):
            raise InvalidValue("VERSION", "must be 1", self.null_hint)
        return 1


NO_VERSION = Missing("VERSION", "is missing", VersionKind.null_hint)
NO_PATH = Missing("NO_DEFINITION", "names no path", "name a folder or a file")
API = NameKind("^(altur|sandbox)$", "NOT_A_CHOICE", "is not a known API", "write altur or sandbox")
KEY_NAME = NameKind(
    "^ALTUR_API_KEY(_[A-Z0-9_]+)?$",
    "NOT_A_CHOICE",
    "is not a valid name of a key variable",
    "name the variable that holds the key: ALTUR_API_KEY, or ALTUR_API_KEY_ and a name in capitals",
)
ENVIRONMENT_NAME = NameKind(
    "^[A-Za-z0-9][A-Za-z0-9_.-]*$",
    "NOT_A_NAME",
    "is not a valid name of an environment",
    "use letters, digits, dots, dashes and underscores",
)
EnvironmentName = Annotated[str, ENVIRONMENT_NAME, BeforeValidator(ENVIRONMENT_NAME.read_key)]


class EnvironmentSettings(Section):
    """One account."""

    forbidden: ClassVar[re.Pattern[str]] = FORBIDDEN

    api: Annotated[Literal["altur", "sandbox"], API] = Field(
        default="altur", description="The vendor's API, or the bundled sandbox that imitates it."
    )
    api_key_env: Annotated[str, KEY_NAME] = Field(
        default="ALTUR_API_KEY",
        description="The variable that holds the key; the key itself is never in a file.",
    )
    seed: Text = Field(
        default=UNSET, description="The file with the initial campaigns of a new sandbox."
    )

    @field_validator("seed")
    @classmethod
    def _only_of_a_sandbox(cls, seed: str, info: ValidationInfo) -> str:
        if info.data.get("api", "sandbox") != "sandbox":
            raise InvalidValue(
                "SEED", "is only for an environment with `api: sandbox`", "remove it"
            )
        return seed


class WorkspaceFile(Section):
    """A workspace: the definitions' folder, the accounts, and shared values.

    The package `guards` adds the key of that name, because guards depend on the other models.
    """

    model_config = ConfigDict(title="campaignsync workspace")
    forbidden: ClassVar[re.Pattern[str]] = FORBIDDEN

    version: Annotated[Literal[1], VersionKind(), NO_VERSION] = Field(
        description="The version of the file format."
    )
    definitions: Annotated[tuple[Text, ...], OneOrMore(empty=NO_PATH)] = Field(
        default=(), description="Folders and files of definitions, inside the workspace."
    )
    environments: Annotated[dict[EnvironmentName, EnvironmentSettings], SETTINGS] = Field(
        default={},
        examples=[{"production": {"api_key_env": "ALTUR_API_KEY"}}],
        description="Accounts, by name.",
    )
    default_environment: Text = Field(
        default=UNSET, description="The environment that is used without -e NAME."
    )
    schedules: Any = Field(default=None, description="Weeks by name, for `scheduling: NAME`.")
    defaults: Any = Field(default=None, description="Values for definitions that do not set them.")

    @field_validator("default_environment")
    @classmethod
    def _known(cls, name: str, info: ValidationInfo) -> str:
        known = [*info.data.get("environments", [name])]
        if name not in known:
            raise InvalidValue("UNKNOWN_ENVIRONMENT", "is not in `environments`", known=known)
        return name
