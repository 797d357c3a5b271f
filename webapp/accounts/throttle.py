"""How often a sign-in may be tried: counted for each account and each address, known or not."""

import math
import time
from ipaddress import IPv6Address, ip_address

from limits import RateLimitItem, RateLimitItemPerHour, RateLimitItemPerMinute
from limits.errors import StorageError
from limits.storage import MemoryStorage, storage_from_string
from limits.strategies import MovingWindowRateLimiter

from webapp.errors import Problem
from webapp.storage.digests import sha256_of

_PER_ACCOUNT = (RateLimitItemPerMinute(5), RateLimitItemPerHour(20))
_PER_ADDRESS = (RateLimitItemPerMinute(30),)
_NEW_ACCOUNTS = (RateLimitItemPerHour(10),)
_IPV6_NETWORK_BITS = 64


class Throttle:
    """Counts attempts in `counters`, a storage of the library `limits`; while that is away, in this process."""

    def __init__(self, counters: str) -> None:
        self._shared = MovingWindowRateLimiter(storage_from_string(counters, wrap_exceptions=True))
        self._own = MovingWindowRateLimiter(MemoryStorage())

    def attempt(self, email: str, address: str) -> None:
        """Counts an attempt before it is judged, so that many at once do not pass; raises `too_many_attempts` (429)."""
        self._count(_PER_ADDRESS, "sign_in_address", network(address))
        self._count(_PER_ACCOUNT, "sign_in_account", sha256_of(email))

    def succeeded(self, email: str) -> None:
        """Whoever knows the password begins anew."""
        for limit in _PER_ACCOUNT:
            for limiter in (self._shared, self._own):
                try:
                    limiter.clear(limit, "sign_in_account", sha256_of(email))
                except StorageError:
                    continue

    def registration(self, address: str) -> None:
        """Counts a new account, or an attempt at one; raises Problem `too_many_attempts` (429)."""
        self._count(_NEW_ACCOUNTS, "register_address", network(address))

    def _count(self, limits: tuple[RateLimitItem, ...], kind: str, who: str) -> None:
        for limit in limits:
            try:
                self._hit(self._shared, limit, kind, who)
            except StorageError:
                self._hit(self._own, limit, kind, who)

    def _hit(self, limiter: MovingWindowRateLimiter, limit: RateLimitItem, kind: str, who: str) -> None:
        if limiter.hit(limit, kind, who):
            return
        seconds = max(1, math.ceil(limiter.get_window_stats(limit, kind, who).reset_time - time.time()))
        raise Problem(
            "too_many_attempts",
            f"That was tried too often. Try again in {seconds} s.",
            status=429,
            details={"retry_after": seconds},
        )


def network(address: str) -> str:
    """The address; of IPv6 the network, as one person has as many addresses as they like."""
    try:
        found = ip_address(address.partition("%")[0])
    except ValueError:
        return address
    if isinstance(found, IPv6Address) and found.ipv4_mapped is None:
        return str(IPv6Address(int(found) >> _IPV6_NETWORK_BITS << _IPV6_NETWORK_BITS))
    return str(found)
