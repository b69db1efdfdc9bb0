"""Goes through what a program does with a cluster, with Python's own client, and says what it saw as JSON.

The cluster is that of $KUBECONFIG, with three nodes and nothing else in its namespace.
"""

import json
import threading
import time

from kubernetes import client, config, watch
from kubernetes.client.exceptions import ApiException
from kubernetes.dynamic import DynamicClient

NAMESPACE = "default"
PATIENCE = 60


def until(what, holds):
    """Waits until something holds, and returns it."""
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        seen = holds()
        if seen:
            return seen
        time.sleep(0.05)
    raise SystemExit(f"{what}: not within {PATIENCE} seconds")


def refused(call, *arguments, **options):
    """The code and reason with which a call is refused."""
    try:
        call(*arguments, **options)
    except ApiException as error:
        return [error.status, json.loads(error.body)["reason"]]
    raise SystemExit(f"{call.__name__} was not refused")


def controller(replicas):
    container = client.V1Container(name="page", image="nginx", ports=[client.V1ContainerPort(container_port=80)])
    template = client.V1PodTemplateSpec(
        metadata=client.V1ObjectMeta(labels={"app": "web"}), spec=client.V1PodSpec(containers=[container])
    )
    spec = client.V1ReplicationControllerSpec(replicas=replicas, selector={"app": "web"}, template=template)
    return client.V1ReplicationController(metadata=client.V1ObjectMeta(name="web"), spec=spec)


class Watcher(threading.Thread):
    """Sees the pods change until told to end."""

    def __init__(self, core, since):
        super().__init__(daemon=True)
        self.core, self.since = core, since
        self.events, self.versions, self.watch = [], [], watch.Watch()
        self.start()

    def run(self):
        listed = self.core.list_namespaced_pod
        for event in self.watch.stream(listed, NAMESPACE, resource_version=self.since, timeout_seconds=300):
            pod = event["object"]
            self.versions.append(int(pod.metadata.resource_version))
            self.events.append((event["type"], pod.metadata.name, pod.status.phase))

    def count(self, kind, phase=None):
        """How many pods there were such events of."""
        return len({name for (k, name, p) in list(self.events) if k == kind and phase in (None, p)})


def main():
    config.load_kube_config()
    core = client.CoreV1Api()
    report = {"version": client.VersionApi().get_code().major, "nodes": len(core.list_node().items)}
    watcher = Watcher(core, core.list_namespaced_pod(NAMESPACE).metadata.resource_version)

    settings = client.V1ConfigMap(metadata=client.V1ObjectMeta(name="settings", labels={"of": "client"}), data={"a": "1"})
    created = core.create_namespaced_config_map(NAMESPACE, settings)
    report["again"] = refused(core.create_namespaced_config_map, NAMESPACE, settings)
    core.patch_namespaced_config_map("settings", NAMESPACE, {"data": {"b": "2"}})
    core.patch_namespaced_config_map("settings", NAMESPACE, [{"op": "replace", "path": "/data/a", "value": "3"}])
    report["settings"] = core.read_namespaced_config_map("settings", NAMESPACE).data
    report["stale"] = refused(core.replace_namespaced_config_map, "settings", NAMESPACE, created)
    report["missing"] = refused(core.read_namespaced_pod, "nobody", NAMESPACE)
    invalid = {"metadata": {"name": "A_"}, "spec": {"containers": []}}
    report["invalid"] = refused(core.create_namespaced_pod, NAMESPACE, invalid)
    report["forbidden"] = refused(core.delete_node, "node-1")

    core.create_namespaced_replication_controller(NAMESPACE, controller(2))
    until("two pods run", lambda: watcher.count("MODIFIED", "Running") == 2)
    core.patch_namespaced_replication_controller_scale("web", NAMESPACE, {"spec": {"replicas": 3}})
    until("a third pod runs", lambda: watcher.count("MODIFIED", "Running") == 3)
    report["scale"] = core.read_namespaced_replication_controller_scale("web", NAMESPACE).spec.replicas
    status = lambda: core.read_namespaced_replication_controller_status("web", NAMESPACE).status
    until("all are ready", lambda: status().ready_replicas == 3)

    first = core.list_namespaced_pod(NAMESPACE, limit=2)
    rest = core.list_namespaced_pod(NAMESPACE, limit=2, _continue=first.metadata._continue)
    report["pages"] = [len(first.items), first.metadata.remaining_item_count, len(rest.items)]
    selector = {"label_selector": "app in (web)", "field_selector": "status.phase=Running"}
    report["selected"] = len(core.list_namespaced_pod(NAMESPACE, **selector).items)
    pod = first.items[0].metadata.name
    report["logs"] = core.read_namespaced_pod_log(pod, NAMESPACE)
    report["followed"] = next(watch.Watch().stream(core.read_namespaced_pod_log, name=pod, namespace=NAMESPACE))

    # Discovery finds the kinds for the client that has no types; it applies on the server's side.
    dynamic = DynamicClient(client.ApiClient())
    maps = dynamic.resources.get(api_version="v1", kind="ConfigMap")
    metadata = {"name": "applied", "labels": {"of": "client"}}
    applied = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": {"k": "v"}}
    mine = maps.server_side_apply(body=applied, namespace=NAMESPACE, field_manager="python")
    report["applied"] = [entry["manager"] for entry in mine.to_dict()["metadata"]["managedFields"]]
    applied["data"]["k"] = "w"
    report["conflict"] = refused(maps.server_side_apply, body=applied, namespace=NAMESPACE, field_manager="other")

    eviction = client.V1Eviction(metadata=client.V1ObjectMeta(name=pod))
    core.create_namespaced_pod_eviction(pod, NAMESPACE, eviction)
    until("the evicted pod is gone", lambda: watcher.count("DELETED") == 1)
    core.delete_namespaced_replication_controller("web", NAMESPACE, propagation_policy="Foreground")
    until("all pods are gone", lambda: not core.list_namespaced_pod(NAMESPACE).items)
    until("that was seen", lambda: watcher.count("DELETED") == watcher.count("ADDED"))
    core.delete_collection_namespaced_config_map(NAMESPACE, label_selector="of=client")
    report["left"] = len(core.list_namespaced_config_map(NAMESPACE).items)
    report["pods"] = watcher.count("ADDED")
    report["ordered"] = watcher.versions == sorted(set(watcher.versions))
    print(json.dumps(report))


main()
