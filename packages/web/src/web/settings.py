"""The settings of the HTTP edge that all three services share."""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

from pydantic import Field, SecretStr, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

MIN_TOKEN_LENGTH = 16


class EdgeSettings(BaseSettings):
    """Where a service listens, how large a body may be, and the token between services."""

    model_config = SettingsConfigDict(env_ignore_empty=True, extra="ignore", frozen=True)

    host: Annotated[str, Field(min_length=1, description="the address to listen on")] = "127.0.0.1"
    port: Annotated[int, Field(ge=1, le=65_535, description="a port from 1 to 65535")]
    max_body_bytes: Annotated[
        int, Field(ge=1_024, description="bytes of a request body, 1024 or more")
    ] = 10 * 1024 * 1024
    service_token: Annotated[
        SecretStr | None,
        Field(description="a secret of 16 characters or more; another one after a comma"),
    ] = None
    service_token_file: Annotated[
        Path | None, Field(description="a file that holds the service token")
    ] = None

    @model_validator(mode="after")
    def _has_tokens(self) -> "EdgeSettings":
        if min(map(len, self.tokens())) < MIN_TOKEN_LENGTH:
            raise ValueError(
                "set SERVICE_TOKEN to a secret of 16 characters or more, the same for all three "
                "services, or SERVICE_TOKEN_FILE to a file that holds it"
            )
        return self

    def token(self) -> str:
        """The service token that this service sends: the first."""
        return self.tokens()[0]

    def tokens(self) -> Sequence[str]:
        """Those that it lets in, from the environment or from the file; one empty if there is none.

        While a token is replaced there are two, parted by a comma.
        """
        return [token.strip() for token in self._written().split(",")]

    def _written(self) -> str:
        if self.service_token is not None:
            return self.service_token.get_secret_value()
        if self.service_token_file is None:
            return ""
        try:
            return self.service_token_file.read_text()
        except OSError as error:
            raise ValueError(f"SERVICE_TOKEN_FILE cannot be read: {error.strerror}") from error
