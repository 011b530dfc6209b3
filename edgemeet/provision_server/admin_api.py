"""What administrators do over HTTP; the command line does the same without it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import asdict

from pydantic import BaseModel, ConfigDict, Field, JsonValue
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from edgemeet.provision_server.administrators import who
from edgemeet.provision_server.audit import Actor
from edgemeet.provision_server.exchange import Exchange, address_of, answer, body_of
from edgemeet.provision_server.groups import GroupChange, Groups, NewSlot
from edgemeet.provision_server.metrics import CONTENT_TYPE, Metrics
from edgemeet.provision_server.records import Device
from edgemeet.provision_server.refusal import Refused
from edgemeet.provision_server.registry import DeviceChange, Registry
from edgemeet.provision_server.rooms import VideoRooms

Act = Callable[[Request, Actor], Awaitable[Response]]


class NewDevice(BaseModel):
    """A device that waits for its enrolment."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    name: str = Field(min_length=1, max_length=120)
    group_name: str | None = Field(default=None, max_length=64)


class NewCode(BaseModel):
    """A code for a device that is added by it, into this group."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    group_name: str | None = Field(default=None, max_length=64)


class NewRoom(BaseModel):
    """A meeting that is to be created, or found by its custom id."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    custom_id: str | None = Field(default=None, max_length=128)


def device_json(device: Device) -> dict[str, JsonValue]:
    """A device as the API and ``--json`` show it."""
    shown = asdict(device)
    del shown["public_key"]
    key = device.public_key
    return {**shown, "state": device.state, "key": key.thumbprint if key else None}


class AdminApi:
    """The handlers; each needs an administrator's token.

    Args:
        exchange: around each of them.
        registry: devices.
        groups: groups and schedules.
        rooms: VideoSDK's rooms.
        metrics: for Prometheus.
    """

    def __init__(
        self, exchange: Exchange, registry: Registry, groups: Groups, rooms: VideoRooms, metrics: Metrics
    ) -> None:
        self._exchange = exchange
        self._do = exchange.in_thread
        self._registry = registry
        self._groups = groups
        self._rooms = rooms
        self._metrics = metrics

    def routes(self) -> list[Route]:
        """For the application."""
        base, one = "/admin/v1", "/admin/v1/devices/{id}"
        table: list[tuple[str, str, Act]] = [
            ("GET", f"{base}/devices", self.list_devices),
            ("POST", f"{base}/devices", self.add_device),
            ("GET", one, self.get_device),
            ("PATCH", one, self.change_device),
            ("DELETE", one, self.remove_device),
            ("POST", f"{one}/revoke", self.revoke),
            ("POST", f"{one}/restore", self.restore),
            ("POST", f"{one}/code", self.code_for),
            ("POST", f"{base}/codes", self.code),
            ("GET", f"{base}/groups", self.list_groups),
            ("PUT", f"{base}/groups/{{name}}", self.put_group),
            ("DELETE", f"{base}/groups/{{name}}", self.remove_group),
            ("GET", f"{base}/schedules", self.list_slots),
            ("POST", f"{base}/schedules", self.add_slot),
            ("DELETE", f"{base}/schedules/{{number:int}}", self.remove_slot),
            ("POST", f"{base}/rooms", self.create_room),
            ("GET", f"{base}/rooms/{{id}}", self.get_room),
            ("GET", f"{base}/audit", self.audit),
            ("GET", "/metrics", self.metrics),
        ]
        return [Route(path, self._guarded(act), methods=[method]) for method, path, act in table]

    def _guarded(self, act: Act) -> Callable[[Request], Awaitable[Response]]:
        async def handle(request: Request) -> Response:
            authorization = request.headers.get("authorization", "")
            name = await self._do(lambda: who(self._registry.database, authorization))
            return await act(request, Actor(f"admin:{name}", address_of(request)))

        return self._exchange.wrap("admin", handle)

    async def list_devices(self, request: Request, actor: Actor) -> Response:
        """A page of devices."""
        query = request.query_params
        limit = number(query.get("limit"), 100, most=1000)
        found = await self._do(
            lambda: self._registry.devices(
                group=query.get("group"), after=query.get("after", ""), limit=limit
            )
        )
        return answer({"devices": [device_json(device) for device in found]})

    async def add_device(self, request: Request, actor: Actor) -> Response:
        """A device and the code to enrol it with."""
        new = await body_of(request, NewDevice)
        device = await self._do(lambda: self._registry.add(actor, new.name, new.group_name))
        code = await self._do(lambda: self._registry.code(actor, device.id))
        return answer({"device": device_json(device), "code": code}, status=201)

    async def get_device(self, request: Request, actor: Actor) -> Response:
        """One device."""
        return answer(device_json(await self._do(lambda: self._registry.get(_id(request)))))

    async def change_device(self, request: Request, actor: Actor) -> Response:
        """Its name, group, meeting, shown name, metadata, settings."""
        change = await body_of(request, DeviceChange)
        return answer(device_json(await self._do(lambda: self._registry.change(actor, _id(request), change))))

    async def remove_device(self, request: Request, actor: Actor) -> Response:
        """Forget it."""
        await self._do(lambda: self._registry.remove(actor, _id(request)))
        return Response(status_code=204)

    async def revoke(self, request: Request, actor: Actor) -> Response:
        """No token for it any more."""
        return answer(device_json(await self._do(lambda: self._registry.revoke(actor, _id(request)))))

    async def restore(self, request: Request, actor: Actor) -> Response:
        """Take a revocation back."""
        return answer(device_json(await self._do(lambda: self._registry.restore(actor, _id(request)))))

    async def code_for(self, request: Request, actor: Actor) -> Response:
        """A code to enrol it (anew) with."""
        return answer({"code": await self._do(lambda: self._registry.code(actor, _id(request)))}, status=201)

    async def code(self, request: Request, actor: Actor) -> Response:
        """A code that adds a device."""
        new = await body_of(request, NewCode)
        made = await self._do(lambda: self._registry.code(actor, group=new.group_name))
        return answer({"code": made}, status=201)

    async def list_groups(self, request: Request, actor: Actor) -> Response:
        """All groups."""
        return answer({"groups": [asdict(group) for group in await self._do(self._groups.groups)]})

    async def put_group(self, request: Request, actor: Actor) -> Response:
        """Make or change one."""
        name, change = request.path_params["name"], await body_of(request, GroupChange)
        return answer(asdict(await self._do(lambda: self._groups.put(actor, name, change))))

    async def remove_group(self, request: Request, actor: Actor) -> Response:
        """Its devices have none then."""
        await self._do(lambda: self._groups.remove(actor, request.path_params["name"]))
        return Response(status_code=204)

    async def list_slots(self, request: Request, actor: Actor) -> Response:
        """All slots."""
        return answer({"schedules": [slot.told() for slot in await self._do(self._groups.slots)]})

    async def add_slot(self, request: Request, actor: Actor) -> Response:
        """A new one."""
        new = await body_of(request, NewSlot)
        return answer((await self._do(lambda: self._groups.add_slot(actor, new))).told(), status=201)

    async def remove_slot(self, request: Request, actor: Actor) -> Response:
        """One less."""
        await self._do(lambda: self._groups.remove_slot(actor, request.path_params["number"]))
        return Response(status_code=204)

    async def create_room(self, request: Request, actor: Actor) -> Response:
        """At VideoSDK."""
        new = await body_of(request, NewRoom)
        return answer({"meeting_id": await self._rooms.create(new.custom_id)}, status=201)

    async def get_room(self, request: Request, actor: Actor) -> Response:
        """Ask VideoSDK whether there is one."""
        return answer({"meeting_id": await self._rooms.validate(_id(request))})

    async def audit(self, request: Request, actor: Actor) -> Response:
        """A page of the audit log, newest first."""
        query = request.query_params
        limit = number(query.get("limit"), 100, most=1000)
        before = number(query["before"], 0, most=2**31 - 1) if "before" in query else None
        entries = await self._do(
            lambda: self._registry.audit(limit=limit, subject=query.get("subject"), before=before)
        )
        return answer({"entries": list(entries)})

    async def metrics(self, request: Request, actor: Actor) -> Response:
        """For Prometheus."""
        text = await self._do(lambda: self._metrics.render(self._registry.database, self._registry.now()))
        return Response(text, media_type=CONTENT_TYPE)


def _id(request: Request) -> str:
    return str(request.path_params["id"])


def number(text: str | None, default: int, *, most: int) -> int:
    """A number from a query. Raises Refused ``request.malformed``."""
    if text is None:
        return default
    if not text.isascii() or not text.isdecimal() or len(text) > 10 or not 1 <= int(text) <= most:
        raise Refused(422, "request.malformed", f"must be a whole number from 1 to {most}")
    return int(text)
