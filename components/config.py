"""The base of every params section: frozen, keyword-only, no unknown field."""

from pydantic import BaseModel, ConfigDict


class Config(BaseModel):
    """A section of `params.yaml`. Unknown or missing fields and values out of range are errors."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)
