"""Reading live with the fewest requests, checked at the server's log."""

import asyncio
from collections.abc import Iterable, Mapping
from typing import Any

import pytest
from support.faults import Fault, Quirks, Sandbox

from campaignsync.api.client import ApiClient
from campaignsync.errors import BadResponse, Source
from campaignsync.live import LiveReader
from campaignsync.model.definitions import Definition, Desired, Live
from campaignsync.model.fields import response_values
from campaignsync.sandbox import REFERENCE_DETAIL_KEYS


def account(campaigns: int, **fields: Any) -> Mapping[str, Any]:
    return {"campaigns": [{"id": number, **fields} for number in range(1, campaigns + 1)]}


def definition(id_: int, **values: Any) -> Definition:
    fields = {path.replace("__", "."): value for path, value in values.items()}
    return Definition(id_, "c.yaml", fields, dict.fromkeys(("id", *fields), Source("c.yaml", 1)))


def read(sandbox: Sandbox, definitions: Iterable[Definition]) -> Live:
    async def reading() -> Live:
        async with ApiClient(sandbox.url, sandbox.key, backoff=0) as api:
            return await LiveReader(api).read(Desired(tuple(definitions)))

    return asyncio.run(reading())


def requested(sandbox: Sandbox) -> list[str]:
    """Return the requests without the order in which they arrived."""
    return sorted(request.path.removeprefix("/api/v1.0") for request in sandbox.log)


@pytest.mark.slow
def test_fields_of_the_list_cost_one_request_a_page() -> None:
    """250 campaigns whose managed fields are listed are read with three requests."""
    with Sandbox(account(250, description="v2"), rate=None) as sandbox:
        live = read(sandbox, [definition(id_, description="v2") for id_ in range(1, 251)])

    assert len(live.campaigns) == 250
    assert requested(sandbox) == ["/campaigns"] * 3
    assert live.reads == 3


def test_the_list_is_read_up_to_the_last_managed_campaign() -> None:
    """The list is read only up to the last managed campaign."""
    with Sandbox(account(250, description="v2"), rate=None) as sandbox:
        read(sandbox, [definition(id_, description="v2") for id_ in range(1, 51)])

    assert requested(sandbox) == ["/campaigns"]


def test_details_are_read_only_for_fields_missing_from_the_list() -> None:
    """If two of fifty definitions need the detail, two details are read beside the list."""
    definitions = [definition(id_, description="v2") for id_ in range(1, 49)]
    definitions += [definition(id_, description="v2", message_limit=10) for id_ in (49, 50)]
    with Sandbox(account(50, description="v2"), rate=None) as sandbox:
        read(sandbox, definitions)

    assert requested(sandbox) == ["/campaigns", "/campaigns/49", "/campaigns/50"]


def test_no_list_is_read_when_every_detail_is_needed() -> None:
    """If each definition needs its detail, the list is not read."""
    with Sandbox(account(5), rate=None) as sandbox:
        read(sandbox, [definition(id_, message_limit=10) for id_ in (2, 3)])

    assert requested(sandbox) == ["/campaigns/2", "/campaigns/3"]


def test_one_campaign_among_many_is_one_request() -> None:
    """A plan for one file does not read the whole account."""
    with Sandbox(account(500, description="v2"), rate=None) as sandbox:
        read(sandbox, [definition(400, description="v2")])

    assert requested(sandbox) == ["/campaigns/400"]


@pytest.mark.slow
def test_few_among_many_are_read_by_detail() -> None:
    """If the first page shows a long list, two details are read instead of its rest."""
    with Sandbox(account(1000, description="v2"), rate=None) as sandbox:
        read(sandbox, [definition(id_, description="v2") for id_ in (800, 900)])

    assert requested(sandbox) == ["/campaigns", "/campaigns/800", "/campaigns/900"]


def test_the_channel_is_read_only_for_campaigns_that_differ() -> None:
    """The channel is read from the detail, only for campaigns that differ."""
    definitions = [definition(1, first_message="Hola"), definition(2, first_message="Adiós")]
    with Sandbox(account(2, first_message="Hola"), rate=None) as sandbox:
        live = read(sandbox, definitions)

    assert requested(sandbox) == ["/campaigns", "/campaigns/2"]
    assert live.campaigns[2].values["integration_type"] == "phone_call"


@pytest.mark.slow
def test_a_field_missing_from_the_detail_is_read_from_the_list() -> None:
    """If a detail leaves keys out, the list is read once."""
    definitions = [definition(id_, description="v2", message_limit=10) for id_ in (1, 2)]
    quirks = Quirks(detail_keys=REFERENCE_DETAIL_KEYS)
    with Sandbox(account(2, description="v2"), rate=None, quirks=quirks) as sandbox:
        live = read(sandbox, definitions)

    assert requested(sandbox) == ["/campaigns", "/campaigns/1", "/campaigns/2"]
    assert live.campaigns[1].values["description"] == "v2"
    assert "message_limit" not in live.campaigns[1].values


def test_a_missing_campaign_is_read_by_id() -> None:
    """A campaign that the list lacks is read by id before it counts as missing."""
    with Sandbox(account(3, description="v2"), rate=None) as sandbox:
        live = read(sandbox, [definition(1, description="v2"), definition(9, description="v2")])

    assert set(live.campaigns) == {1}
    assert requested(sandbox) == ["/campaigns", "/campaigns/9"]


@pytest.mark.fault("A1")
def test_a_list_that_failed_is_read_from_its_start() -> None:
    """After a failure within the list, what was read of it does not count as the whole."""
    quirks = Quirks(page_size_cap=2, faults=(Fault(2, "html"),))
    with Sandbox(account(6), rate=None, quirks=quirks) as sandbox:

        async def reading() -> list[int]:
            async with ApiClient(sandbox.url, sandbox.key, backoff=0) as api:
                reader = LiveReader(api)
                with pytest.raises(BadResponse):
                    await reader.read_all()
                return [*await reader.read_all()]

        assert asyncio.run(reading()) == [1, 2, 3, 4, 5, 6]


def test_archived_campaigns_are_marked() -> None:
    """A plan marks archived campaigns."""
    with Sandbox(account(2, description="v2", archived=True), rate=None) as sandbox:
        live = read(sandbox, [definition(id_, description="v3") for id_ in (1, 2)])

    assert all(campaign.values["archived"] for campaign in live.campaigns.values())


def test_a_weekday_without_active_is_unknown() -> None:
    """A weekday without `active` is neither open nor closed; the other days are read."""
    hours = {"startTime": "09:00", "stopTime": "10:00"}
    answer = {"scheduling": {"mon": hours, "tue": {**hours, "active": True}, "wed": None}}

    read_days = {path for path, _ in response_values(answer, "detailed")}

    assert read_days == {"scheduling.tue", "scheduling.wed"}
