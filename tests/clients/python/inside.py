"""Reaches into a pod with Python's own client, and says what it saw as JSON. The cluster is that of $KUBECONFIG."""

import json
import time

from kubernetes import client, config
from kubernetes.client.exceptions import ApiException
from kubernetes.stream import portforward, stream

NAMESPACE, NAME = "default", "of-python"
SCRIPT = "echo first; echo second; mkdir /page; echo -n served > /page/index.html; exec httpd -f -p 127.0.0.1:8080 -h /page"


def execute(core, command, stdin=None):
    """What a command wrote to either stream, and its exit code."""
    options = {"stderr": True, "stdin": stdin is not None, "stdout": True, "tty": False, "_preload_content": False}
    shell = ["sh", "-c", command]
    channel = stream(core.connect_get_namespaced_pod_exec, NAME, NAMESPACE, command=shell, **options)
    if stdin is not None:
        channel.write_stdin(stdin)
    channel.run_forever(timeout=30)
    return channel.read_stdout(), channel.read_stderr(), channel.returncode


def main():
    config.load_kube_config()
    core = client.CoreV1Api()
    container = client.V1Container(name="c", image="busybox:1", command=["sh", "-c", SCRIPT])
    spec = client.V1PodSpec(containers=[container], termination_grace_period_seconds=0)
    core.create_namespaced_pod(NAMESPACE, client.V1Pod(metadata=client.V1ObjectMeta(name=NAME), spec=spec))
    end = time.monotonic() + 120
    while core.read_namespaced_pod(NAME, NAMESPACE).status.phase != "Running":
        if time.monotonic() > end:
            raise SystemExit("the pod does not run")
        time.sleep(0.1)

    report = {}
    while not report.get("logs", "").endswith("second\n"):
        report["logs"] = core.read_namespaced_pod_log(NAME, NAMESPACE)
    report["tail"] = core.read_namespaced_pod_log(NAME, NAMESPACE, tail_lines=1)
    report["said"], report["errors"], report["code"] = execute(core, "echo out; echo errors >&2; exit 7")
    report["echoed"] = execute(core, "read line; echo -n $line", "through and through\n")[0]

    forward = portforward(core.connect_get_namespaced_pod_portforward, NAME, NAMESPACE, ports="8080")
    socket = forward.socket(8080)
    socket.setblocking(True)
    socket.sendall(b"GET /index.html HTTP/1.0\r\nHost: pod\r\n\r\n")
    answer = b""
    while part := socket.recv(4096):
        answer += part
    report["fetched"] = answer.decode().split("\r\n\r\n", 1)[1]

    try:
        options = {"command": ["true"], "container": "nobody"}
        stream(core.connect_get_namespaced_pod_exec, NAME, NAMESPACE, stdout=True, **options)
    except ApiException as error:
        # What the client shows of an answer that is no WebSocket begins with its code.
        report["refused"] = 400 if "400 Bad Request" in str(error) else str(error)
    core.delete_namespaced_pod(NAME, NAMESPACE)
    print(json.dumps(report))


main()
