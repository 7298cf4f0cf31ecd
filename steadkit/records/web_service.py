"""Requests to a web service by ObsPy's client, repeated where that may help, with clear errors."""

import time
import warnings
from collections.abc import Callable
from http.client import HTTPException
from typing import Final, NamedTuple, TypeVar

from obspy.clients.fdsn import Client
from obspy.clients.fdsn import header as fdsn

from steadkit.errors import InputError, error_detail, printable
from steadkit.version import __version__

Answer = TypeVar("Answer")


class RetryPolicy(NamedTuple):
    """How often and when a failed request is repeated.

    Attributes
    ----------
    n_retries
        Repetitions after the first failure.
    wait_s
        Seconds before the first repetition; before each further one three times as long.
    timeout_s
        Seconds without an answer after which a request has failed.
    """

    n_retries: int = 3
    wait_s: float = 5.0
    timeout_s: float = 120.0


LISTING: Final = RetryPolicy(wait_s=1.0)
"""Shorter: the first request of a command is the one that has a wrong address."""

DOWNLOAD: Final = RetryPolicy()


class BrokenAnswerError(ValueError):
    """An answer that is cut short, or of another format than the one asked for."""


TRANSIENT_ERRORS: Final = (
    BrokenAnswerError,
    HTTPException,  # IncompleteRead is one
    OSError,  # a connection that breaks while an answer is read
    EOFError,  # compressed text that is cut short
    fdsn.FDSNTimeoutException,
    fdsn.FDSNTooManyRequestsException,
    fdsn.FDSNInternalServerException,
    fdsn.FDSNBadGatewayException,
    fdsn.FDSNServiceUnavailableException,
)
"""Errors after which the same request may succeed."""

FINAL_ERRORS: Final = (
    fdsn.FDSNNoDataException,
    fdsn.FDSNRequestTooLargeException,
    fdsn.FDSNUnauthorizedException,
    fdsn.FDSNForbiddenException,
)
"""Answers that no repetition changes, and that are no failure of the service."""


def open_client(service: str, policy: RetryPolicy) -> Client:
    """Return a client for a service, by its address or its name in ObsPy; no request is made.

    Raises
    ------
    InputError
        It is neither.
    """
    # An address may be that of one of its services.
    address = service.partition("/fdsnws")[0]
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about former names of services
            # Without discovery: it would be three more requests for every station-day.
            return Client(
                address,
                user_agent=f"steadkit/{__version__} {fdsn.DEFAULT_USER_AGENT}",
                timeout=policy.timeout_s,
                _discover_services=False,
            )
    except ValueError as error:
        raise InputError(
            f"{printable(service)!r} is no address of a web service, such as http://HOST:PORT, "
            f"nor one of {', '.join(sorted(fdsn.URL_MAPPINGS))}: correct it"
        ) from error


def repeat(request: Callable[[], Answer], service: str, policy: RetryPolicy) -> Answer:
    """Repeat a request until it succeeds, or fails so that no repetition helps.

    Raises
    ------
    InputError
        The service does not answer as it should.
    fdsn.FDSNException
        One of `FINAL_ERRORS`.
    """
    attempt = 0
    while True:
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                return request()
        except FINAL_ERRORS:
            raise
        except TRANSIENT_ERRORS as error:
            failure: Exception = error
            remedy = "try again later"
        except NotImplementedError as error:  # an address that is too long, in ObsPy
            raise service_error(service, error, "ask for fewer codes at once") from error
        except fdsn.FDSNException as error:
            failure, remedy = error, "check its address and the codes"
            # ObsPy has this exception, without a status, for what is no answer of a service too.
            if type(error) is not fdsn.FDSNException or "HTTP code" in str(error):
                raise service_error(service, error, remedy) from error
        if attempt == policy.n_retries:
            remedy += f"; {attempt + 1} requests have failed"
            raise service_error(service, failure, remedy) from failure
        time.sleep(policy.wait_s * 3**attempt)
        attempt += 1


def service_error(service: str, error: Exception, remedy: str) -> InputError:
    """Return the error of a service that does not answer as it should."""
    return InputError(f"web service {printable(service)!r}: {error_detail(error)}: {remedy}")
