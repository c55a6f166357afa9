"""Python values as JSON, for scopes: what a value is, never where it lies in memory."""

from __future__ import annotations

import hashlib
import inspect
from collections.abc import Callable
from types import FunctionType
from typing import Any

from llama_index.core.tools import BaseTool
from pydantic import BaseModel
from pydantic_core import to_jsonable_python


def shown(value: Any) -> Any:
    """A value as JSON.

    A tool is its name, description and schema, a model class its name and schema (two classes of
    one name are told apart by it), a function that closes over nothing its name and code.

    Raises:
        TypeError: there is no form of it that would be the same the next time.
    """
    return to_jsonable_python(value, fallback=_known, by_alias=False, bytes_mode="base64")


def _known(value: Any) -> Any:
    if isinstance(value, BaseTool):
        told = value.metadata
        schema = told.fn_schema.model_json_schema() if told.fn_schema else None
        return {"tool": told.name, "description": told.description, "schema": schema}
    if inspect.isclass(value):
        schema = value.model_json_schema() if issubclass(value, BaseModel) else None
        return {"class": f"{value.__module__}.{value.__qualname__}", "schema": schema}
    if callable(value):
        return _function(value)
    raise TypeError(f"{type(value).__qualname__} has no form as JSON")


def _function(value: Callable[..., Any]) -> Any:
    if not isinstance(value, FunctionType) or value.__closure__:
        raise TypeError(f"{type(value).__qualname__} has no form as JSON")
    code = value.__code__
    constants = [one for one in code.co_consts if isinstance(one, str | int | float)]
    said = repr((code.co_names, constants)).encode() + code.co_code
    return {
        "function": f"{value.__module__}.{value.__qualname__}",
        "code": hashlib.sha256(said).hexdigest(),
    }
