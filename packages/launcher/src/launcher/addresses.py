"""Where the three services answer."""

from dataclasses import dataclass

from launcher.settings import LaunchSettings

_ANY = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - told apart, not bound


@dataclass(frozen=True, slots=True)
class Addresses:
    """The base URLs of the services."""

    backend_api: str
    ml_engine: str
    data_pipeline: str

    def by_service(self) -> dict[str, str]:
        """The URLs by the services' names."""
        return {
            "backend-api": self.backend_api,
            "ml-engine": self.ml_engine,
            "data-pipeline": self.data_pipeline,
        }


def local_addresses(settings: LaunchSettings) -> Addresses:
    """The addresses by which this machine reaches services that listen on `settings.host`."""
    host = _ANY.get(settings.host, settings.host)
    at = f"http://[{host}]" if ":" in host else f"http://{host}"
    return Addresses(
        f"{at}:{settings.backend_api_port}",
        f"{at}:{settings.ml_engine_port}",
        f"{at}:{settings.data_pipeline_port}",
    )
