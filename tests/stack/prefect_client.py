"""What the tests ask a Prefect server, by its REST interface: the client library would read this machine's settings."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx

from tests.stack.service import wait_for

ENDED = ("COMPLETED", "FAILED", "CRASHED", "CANCELLED")


@dataclass(frozen=True)
class PrefectClient:
    """A client of the server at `api`."""

    api: str

    def online_workers(self, pool: str) -> list[str]:
        """Give the names of a work pool's workers that live; none where the pool or the server is missing."""
        try:
            found = httpx.post(f"{self.api}/work_pools/{pool}/workers/filter", json={}, timeout=30)
        except httpx.HTTPError:
            return []
        return [worker["name"] for worker in found.json() if worker["status"] == "ONLINE"] if found.is_success else []

    def deployment(self, name: str) -> dict[str, Any]:
        """Give a deployment of the flow `retrain`."""
        return dict(self._ask("GET", f"/deployments/name/retrain/{name}"))

    def schedule(self, deployment: str, *, seconds_from_now: float) -> None:
        """Add a schedule that fires soon, and then in a year."""
        first = datetime.now(UTC) + timedelta(seconds=seconds_from_now)
        interval = {"interval": 365 * 24 * 3600, "anchor_date": first.isoformat(), "timezone": "UTC"}
        path = f"/deployments/{self.deployment(deployment)['id']}/schedules"
        self._ask("POST", path, [{"schedule": interval, "active": True}])

    def start(self, deployment: str, parameters: dict[str, Any]) -> str:
        """Ask for a run now, and give its id."""
        path = f"/deployments/{self.deployment(deployment)['id']}/create_flow_run"
        return str(self._ask("POST", path, {"parameters": parameters, "state": {"type": "SCHEDULED"}})["id"])

    def runs(self, deployment: str) -> list[dict[str, Any]]:
        """Give a deployment's runs, newest first, without those that are planned for later than a minute."""
        soon = (datetime.now(UTC) + timedelta(minutes=1)).isoformat()
        query = {
            "deployments": {"id": {"any_": [self.deployment(deployment)["id"]]}},
            "flow_runs": {"expected_start_time": {"before_": soon}},
            "sort": "EXPECTED_START_TIME_DESC",
        }
        return list(self._ask("POST", "/flow_runs/filter", query))

    def states(self, model: str) -> list[str]:
        """Give the types of the states of a model's runs, newest first."""
        runs = self._ask("POST", "/flow_runs/filter", {"sort": "EXPECTED_START_TIME_DESC"})
        return [run["state_type"] for run in runs if run["parameters"].get("name") == model]

    def run(self, run_id: str) -> dict[str, Any]:
        """Give a run."""
        return dict(self._ask("GET", f"/flow_runs/{run_id}"))

    def wait(self, run_id: str, seconds: float) -> dict[str, Any]:
        """Wait for the end of a run, and give it."""
        wait_for(lambda: self.run(run_id)["state_type"] in ENDED, seconds)
        return self.run(run_id)

    def tasks(self, run_id: str) -> dict[str, str]:
        """Give the names of the states of a run's tasks, in their order."""
        query = {"flow_runs": {"id": {"any_": [run_id]}}, "sort": "EXPECTED_START_TIME_ASC"}
        return {task["name"]: task["state_name"] for task in self._ask("POST", "/task_runs/filter", query)}

    def log(self, run_id: str) -> str:
        """Give the messages of a run."""
        query = {"logs": {"flow_run_id": {"any_": [run_id]}}, "sort": "TIMESTAMP_ASC"}
        return "\n".join(line["message"] for line in self._ask("POST", "/logs/filter", query))

    def artifacts(self, run_id: str, key: str) -> list[str]:
        """Give the contents of a run's artifacts of a key."""
        query = {"artifacts": {"flow_run_id": {"any_": [run_id]}, "key": {"any_": [key]}}}
        return [str(artifact["data"]) for artifact in self._ask("POST", "/artifacts/filter", query)]

    def events(self, name: str) -> list[dict[str, Any]]:
        """Give the payloads of all events of a name, newest first."""
        query = {"filter": {"event": {"name": [name]}}}
        return [event["payload"] for event in self._ask("POST", "/events/filter", query)["events"]]

    def _ask(self, method: str, path: str, content: Any = None) -> Any:
        answer = httpx.request(method, f"{self.api}{path}", json=content, timeout=60)
        assert answer.is_success, answer.text
        return answer.json()
