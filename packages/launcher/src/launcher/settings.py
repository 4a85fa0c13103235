"""The settings of the launcher, read from the environment."""

from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict

from launcher.sample.simulator import SimulatorSettings

Port = Annotated[int, Field(ge=1, le=65_535, description="a port from 1 to 65535")]
Sample = Annotated[
    Literal["auto", "movietweetings", "simulator"],
    Field(description="auto, movietweetings or simulator"),
]
Count = Annotated[int, Field(ge=1, description="a whole number from 1")]


class DemoSettings(BaseSettings):
    """What the demo needs: where to keep things, and which sample to load."""

    model_config = SettingsConfigDict(env_ignore_empty=True, extra="ignore", frozen=True)

    data_dir: Annotated[Path, Field(description="a folder for local files")] = Path(".data")
    dataset_dir: Annotated[
        Path | None, Field(description="the folder that holds movietweetings-100k")
    ] = None
    sample: Sample = "auto"
    simulator_seed: Annotated[int, Field(ge=0, description="a whole number from 0")] = 7
    simulator_users: Count = 2_000
    simulator_items: Annotated[int, Field(ge=12, description="a whole number from 12")] = 1_000
    simulator_events: Count = 40_000

    def simulation(self) -> SimulatorSettings:
        """The simulated world, where it comes to that."""
        return SimulatorSettings(
            seed=self.simulator_seed,
            users=self.simulator_users,
            items=self.simulator_items,
            events=self.simulator_events,
        )


class LaunchSettings(DemoSettings):
    """The demo on one machine: where the three services listen."""

    host: Annotated[str, Field(min_length=1, description="the address to listen on")] = "127.0.0.1"
    backend_api_port: Port = 8000
    ml_engine_port: Port = 8001
    data_pipeline_port: Port = 8002
    min_free_mb: Annotated[
        int, Field(ge=0, description="megabytes of free disk space to start with")
    ] = 500
    service_token: Annotated[
        SecretStr | None, Field(min_length=16, description="a secret of 16 characters or more")
    ] = None
    service_token_file: Annotated[
        Path | None, Field(description="a file that holds the service token")
    ] = None


class ComposedSettings(DemoSettings):
    """The demo where the services run elsewhere, in containers for example."""

    sample: Sample = "simulator"

    backend_api_url: Annotated[str, Field(description="the URL of backend-api")]
    public_url: Annotated[
        str | None, Field(description="the URL by which people reach backend-api")
    ] = None
