"""What an entry point takes for a model."""

from __future__ import annotations

from si_core.errors import UsageError
from si_core.models.model import Model

__all__ = ["refuse_no_model"]


def refuse_no_model(given: object, where: str) -> None:
    """Refuse what is no model: of what stands around one, such as what ``si.fit`` returns, say where it is.

    Raises:
        UsageError: it is no model.
    """
    if isinstance(given, Model):
        return
    around = isinstance(getattr(given, "model", None), Model)
    fix = "its own `sample` and `estimate`, in its data's form; or the model beneath it, `.model`" if around else None
    allowed = "a si.Model, such as si.train(recipe) and si.load_model(run) give"
    raise UsageError("not a model", where=where, got=type(given).__name__, allowed=allowed, fix=fix)
