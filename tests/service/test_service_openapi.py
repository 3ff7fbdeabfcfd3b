"""Requests that schemathesis generates from the service's OpenAPI document.

`schemathesis run http://localhost:3000/docs.json --checks not_a_server_error -n 1000` generates many more.
"""

import schemathesis
from hypothesis import HealthCheck, given, settings
from schemathesis import APIOperation
from schemathesis.core.result import Ok

EXAMPLES = 20
"""Requests per endpoint."""
SLOW = (HealthCheck.too_slow, HealthCheck.filter_too_much)


def statuses(operation: APIOperation) -> set[int]:
    """Return the statuses of an endpoint for generated requests, valid and invalid."""
    found: set[int] = set()

    @settings(max_examples=EXAMPLES, derandomize=True, suppress_health_check=SLOW)
    @given(operation.as_strategy())
    def send(case: schemathesis.Case) -> None:
        found.add(case.call(timeout=30).status_code)

    send()
    return found


def test_no_generated_request_makes_the_service_fail(service: str) -> None:
    described = schemathesis.openapi.from_url(f"{service}/docs.json")
    operations = [result.ok() for result in described.get_all_operations() if isinstance(result, Ok)]
    assert {"POST /api/classify", "POST /api/names", "POST /api/names/score"} <= {
        operation.label for operation in operations
    }
    for operation in operations:
        assert max(statuses(operation)) < 500, operation.label
