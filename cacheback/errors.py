"""Every error that cacheback raises, as one tree.

CachebackError
├── ConfigurationError        your setting cannot work; raised at construction, names the remedy
│   ├── MissingExtraError     an optional package is not installed
│   └── EmbedderMismatchError the directory was filled with another embedder
├── InputError                an argument of a call is not what it must be
├── EmbedderError             an embedder failed, or returned what is not a unit vector
├── SynthesisError            a synthesis model could not be asked, or its reply not be read
├── StoreError                the store could not do what was asked
│   ├── StoreLockedError      another connection held the lock for too long
│   ├── StoreFullError        no space left
│   ├── StoreReadOnlyError    the directory or the file cannot be written
│   ├── StoreCorruptError     the file is damaged
│   ├── ForeignStoreError     the file is a database, but not one of ours
│   ├── NewerStoreError       the file was written by a newer cacheback
│   └── ReembeddingError      a change of embedder was begun and not finished
├── ClosedError               the cache was used after `close()`
├── NotCachedError            `only-if-cached` was asked for and nothing may answer
└── BlockedError              the question matches a blocked pattern (the negative cache)

Your mistake (ConfigurationError, InputError, ClosedError) is raised at once. What fails on its
own (EmbedderError, StoreError) reaches you from commands such as `populate` or `delete`, and
never from an LLM call or a `lookup`: there it is a miss, counted in `stats()`. A SynthesisError
reaches nobody: upstream answers, and it is counted.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from cacheback.models import NegativeMatch


class CachebackError(Exception):
    """Base of everything below."""


class ConfigurationError(CachebackError, ValueError):
    """A setting cannot work. The message names the remedy."""


class MissingExtraError(ConfigurationError, ImportError):
    """An optional package is missing.

    Args:
        package: what could not be imported.
        extra: the extra of this distribution that brings it.
    """

    def __init__(self, package: str, extra: str) -> None:
        super().__init__(
            f"{package} is not installed; install it with: pip install 'cacheback-ai[{extra}]'"
        )
        self.package = package
        self.extra = extra


class EmbedderMismatchError(ConfigurationError):
    """The store holds vectors of another embedder; similarities would be meaningless."""


class InputError(CachebackError, ValueError):
    """An argument is not what it must be."""


class EmbedderError(CachebackError):
    """An embedder raised, or returned the wrong type, shape or values."""


class SynthesisError(CachebackError):
    """A synthesis model answered with an error, could not be reached, or said what is no reply."""


class StoreError(CachebackError):
    """The store could not do what was asked."""


class StoreLockedError(StoreError):
    """Another connection held the database's lock for longer than the timeout."""


class StoreFullError(StoreError):
    """There is no space left to write to."""


class StoreReadOnlyError(StoreError):
    """The directory or the database file cannot be written."""


class StoreCorruptError(StoreError):
    """The database file is damaged."""


class ForeignStoreError(StoreError):
    """The file is not a cacheback database; it is left untouched."""


class NewerStoreError(StoreError):
    """The database was written by a newer version of cacheback; it is left untouched."""


class ReembeddingError(StoreError):
    """Re-embedding was interrupted; until it is finished vectors of two embedders are mixed."""


class ClosedError(CachebackError, RuntimeError):
    """The cache was used after `close()`."""


class NotCachedError(CachebackError, LookupError):
    """The request allowed memory only, and nothing in memory may answer it."""


class BlockedError(CachebackError):
    """The question matches a blocked pattern; upstream was not called.

    Attributes:
        match: the pattern, how near it is and why it was blocked; None where only a response
            told of it, such as one from a proxy.
    """

    def __init__(self, message: str, match: NegativeMatch | None = None) -> None:
        super().__init__(message)
        self.match = match
