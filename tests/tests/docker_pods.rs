//! What a pod's spec asks for, on a real engine: ports of the host, volumes, probes of each kind, the downward API.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use kubarium_tests::certificates::Authority;
use kubarium_tests::hosts::Hosts;
use kubarium_tests::server::{Directory, Server};
use kubarium_tests::wait::{condition, eventually};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use serde_json::{Value, json};
use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;

const PODS: &str = "/api/v1/namespaces/default/pods";

/// One engine and a server that drives it.
struct Cluster {
    hosts: Hosts,
    server: Server,
    data: Directory,
}

impl Cluster {
    fn start() -> Self {
        let mut hosts = Hosts::start(1).unwrap();
        let data = Directory::new().unwrap();
        let endpoint = format!("host-0={}", hosts.host(0).endpoint());
        let arguments = ["--docker", &endpoint, "--heartbeat-seconds", "1", "--allow-privileged"];
        let server = Server::start(data.path(), &arguments).unwrap();
        eventually("the node is ready", || {
            let node = server.get("/api/v1/nodes/host-0");
            (condition(&node, "Ready")["status"] == "True", node)
        });
        Self { hosts, server, data }
    }

    /// Creates a pod whose containers, without an image, get one, and end at once when asked to.
    fn create(&self, name: &str, metadata: &Value, mut spec: Value) {
        spec["terminationGracePeriodSeconds"] = 0.into();
        for list in ["initContainers", "containers"] {
            for container in spec[list].as_array_mut().into_iter().flatten() {
                container["image"] = "busybox:1".into();
            }
        }
        let mut metadata = metadata.clone();
        metadata["name"] = name.into();
        let pod = json!({"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec});
        let (status, answer) = self.server.send("POST", PODS, &pod);
        assert_eq!(status, 201, "{answer}");
    }

    fn pod(&self, name: &str) -> Value {
        self.server.get(&format!("{PODS}/{name}"))
    }

    fn log(&self, name: &str, container: &str) -> String {
        self.server.ask("GET", &format!("{PODS}/{name}/log?container={container}"), &[], b"").1
    }

    fn wait(&self, name: &str, what: &str, holds: impl Fn(&Value) -> bool) {
        eventually(&format!("{name} {what}"), || {
            let pod = self.pod(name);
            (holds(&pod), pod)
        });
    }

    fn wait_ready(&self, name: &str, ready: &str) {
        self.wait(name, &format!("has Ready={ready}"), |pod| condition(pod, "Ready")["status"] == ready);
    }

    fn wait_phase(&self, name: &str, phase: &str) {
        self.wait(name, &format!("is {phase}"), |pod| pod["status"]["phase"] == phase);
    }

    /// Runs something in a pod's container `c`, past the control plane.
    fn exec(&mut self, name: &str, script: &str) {
        let uid = self.pod(name)["metadata"]["uid"].as_str().unwrap().to_owned();
        let label = format!("label=io.kubarium.pod.uid={uid}");
        let host = self.hosts.host(0);
        let id = host.docker(&["ps", "-q", "--filter", &label, "--filter", "label=io.kubarium.container=c"]).unwrap();
        host.docker(&["exec", id.trim(), "sh", "-c", script]).unwrap();
    }

    fn reasons(&self, name: &str) -> Vec<String> {
        let path = format!("/api/v1/namespaces/default/events?fieldSelector=involvedObject.name%3D{name}");
        let events = self.server.get(&path)["items"].as_array().cloned().unwrap_or_default();
        events.iter().map(|e| e["reason"].as_str().unwrap().to_owned()).collect()
    }
}

fn fetch(address: &str) -> Option<String> {
    let mut stream = TcpStream::connect(address).ok()?;
    stream.write_all(b"GET / HTTP/1.0\r\n\r\n").ok()?;
    let mut text = String::new();
    stream.read_to_string(&mut text).ok()?;
    Some(text.split_once("\r\n\r\n")?.1.trim().to_owned())
}

#[test]
fn a_pod_gets_what_its_spec_asks_for() {
    let mut cluster = Cluster::start();
    images(&mut cluster);
    host_ports(&mut cluster);
    routes_that_somebody_wrote(&mut cluster);
    volumes(&mut cluster);
    volumes_last_as_long_as_their_pod(&mut cluster);
    settings_as_variables_and_files(&cluster);
    files_follow_their_settings(&mut cluster);
    missing_settings(&cluster);
    containers_that_end_at_once(&cluster);
    what_it_is_told_of_itself(&cluster);
    ephemeral_storage(&cluster);
    probes(&mut cluster);
    https_probes(&cluster);
}

/// An image goes by one name, whether it is asked for or a container of it is listed; no container has one that was not made.
fn images(cluster: &mut Cluster) {
    cluster.create("made", &json!({}), json!({"containers": [{"name": "c", "command": ["sleep", "600"]}]}));
    cluster.wait_ready("made", "True");
    let uid = cluster.pod("made")["metadata"]["uid"].as_str().unwrap().to_owned();
    let label = format!("label=io.kubarium.pod.uid={uid}");
    let host = cluster.hosts.host(0);
    let id = host.docker(&["ps", "-q", "--filter", &label, "--filter", "label=io.kubarium.container=c"]).unwrap();
    let listed = host.docker(&["inspect", "--format", "{{.Image}}", id.trim()]).unwrap();
    assert_eq!(cluster.pod("made")["status"]["containerStatuses"][0]["imageID"], listed.trim());
    let pod = json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "unmade"}, "spec": {"containers": [{
        "name": "c", "image": "busybox:1", "envFrom": [{"configMapRef": {"name": "missing"}}]}]}});
    assert_eq!(cluster.server.send("POST", PODS, &pod).0, 201);
    cluster.wait("unmade", "misses its settings", |pod| {
        let status = &pod["status"]["containerStatuses"][0];
        status["state"]["waiting"]["reason"] == "CreateContainerConfigError" && status["imageID"] == ""
    });
    for name in ["made", "unmade"] {
        cluster.server.send("DELETE", &format!("{PODS}/{name}"), &json!({}));
    }
}

/// A host port is open on the host, and one that is taken keeps the next pod pending.
fn host_ports(cluster: &mut Cluster) {
    let script = "echo from the host port > /tmp/index.html; exec httpd -f -p 80 -h /tmp";
    let spec = json!({"containers": [
        {"name": "c", "command": ["sh", "-c", script], "ports": [{"containerPort": 80, "hostPort": 18_080}]}]});
    cluster.create("hostport", &json!({}), spec.clone());
    let address = format!("{}:18080", cluster.hosts.host(0).address);
    eventually("the host port answers", || {
        let seen = fetch(&address);
        (seen.as_deref() == Some("from the host port"), seen)
    });
    cluster.create("second", &json!({}), spec);
    cluster.wait("second", "is pending for want of the port", |pod| {
        let message = condition(pod, "PodScheduled")["message"].clone();
        message.as_str().unwrap_or_default().contains("didn't have free ports for the requested pod ports")
    });
    cluster.server.ask("DELETE", &format!("{PODS}/hostport"), &[], b"");
    cluster.wait_ready("second", "True");
    eventually("the second pod has the port now", || {
        let seen = fetch(&address);
        (seen.as_deref() == Some("from the host port"), seen)
    });
}

/// A service without selector leads where its Endpoints say: to any address, or to a pod by name.
fn routes_that_somebody_wrote(cluster: &mut Cluster) {
    const NODE_PORT: u16 = 31_877;
    let service = json!({"apiVersion": "v1", "kind": "Service", "metadata": {"name": "outside"}, "spec": {
        "type": "NodePort", "ports": [{"port": 80, "nodePort": NODE_PORT}]}});
    assert_eq!(cluster.server.send("POST", "/api/v1/namespaces/default/services", &service).0, 201);
    let path = "/api/v1/namespaces/default/endpoints";
    let endpoints = |address: &Value, port: u16| {
        json!({"apiVersion": "v1", "kind": "Endpoints", "metadata": {"name": "outside"}, "subsets": [
               {"addresses": [address], "ports": [{"port": port}]}]})
    };
    let (status, answer) = cluster.server.send("POST", path, &endpoints(&json!({"ip": "127.0.0.1"}), 18_080));
    assert!(status == 422 && answer.to_string().contains("loopback"), "{answer}");

    // The first is an address like any other; the second is the pod's own, which only its host reaches directly.
    let pod_ip = cluster.pod("second")["status"]["podIP"].clone();
    let host = json!({"ip": cluster.hosts.host(0).address});
    let pod = json!({"ip": pod_ip, "targetRef": {"kind": "Pod", "namespace": "default", "name": "second"}});
    let address = format!("127.0.0.1:{NODE_PORT}");
    for (address_written, port, method, at) in
        [(host, 18_080, "POST", path.to_owned()), (pod, 80, "PUT", format!("{path}/outside"))]
    {
        let (status, answer) = cluster.server.send(method, &at, &endpoints(&address_written, port));
        assert!(status < 300, "{answer}");
        for _ in 0..3 {
            eventually("the node port leads there", || {
                let seen = fetch(&address);
                (seen.as_deref() == Some("from the host port"), seen)
            });
            let (status, seen) =
                cluster.server.ask("GET", "/api/v1/namespaces/default/services/outside/proxy/", &[], b"");
            assert_eq!((status, seen.trim()), (200, "from the host port"));
        }
    }
    assert_eq!(cluster.server.status("DELETE", "/api/v1/namespaces/default/endpoints/outside", &[]), 200);
    eventually("nobody is left to answer", || {
        let seen = fetch(&address);
        (seen.is_none(), seen)
    });
}

/// Volumes are shared between containers, sized, and gone with the pod; those of the host stay.
fn volumes(cluster: &mut Cluster) {
    let shared = cluster.data.join("shared");
    std::fs::create_dir_all(&shared).unwrap();
    std::fs::write(shared.join("from-host"), "from the host").unwrap();
    let mounts = json!([{"name": "memory", "mountPath": "/memory"}, {"name": "disk", "mountPath": "/disk"},
                        {"name": "host", "mountPath": "/host"}]);
    let writer = "busybox grep ' /memory ' /proc/mounts; busybox dd if=/dev/zero of=/memory/big bs=1024 count=2048 \
                  2>&1 | busybox grep -c 'No space left'; cat /host/from-host; echo; echo to the host > /host/from-pod; \
                  echo over the disk > /disk/file";
    let reader =
        "until test -s /disk/file; do sleep 0.1; done; cat /disk/file; test -e /memory/big && echo same memory";
    let spec = json!({
        "restartPolicy": "Never",
        "volumes": [{"name": "memory", "emptyDir": {"medium": "Memory", "sizeLimit": "1Mi"}},
                    {"name": "disk", "emptyDir": {}},
                    {"name": "host", "hostPath": {"path": shared.display().to_string(), "type": "Directory"}}],
        "containers": [{"name": "c", "command": ["sh", "-c", writer], "volumeMounts": mounts},
                       {"name": "reader", "command": ["sh", "-c", reader], "volumeMounts": mounts}],
    });
    cluster.create("volumes", &json!({}), spec);
    cluster.wait_phase("volumes", "Succeeded");
    let log = cluster.log("volumes", "c");
    let lines: Vec<&str> = log.lines().collect();
    assert!(lines[0].starts_with("tmpfs /memory tmpfs ") && lines[0].contains("size=1024k"), "{log}");
    assert_eq!(lines[1..], ["1", "from the host"], "the limit held, and the host's file was read");
    assert_eq!(cluster.log("volumes", "reader"), "over the disk\nsame memory\n");
    assert_eq!(std::fs::read_to_string(shared.join("from-pod")).unwrap(), "to the host\n");
    let count = |cluster: &mut Cluster| {
        let listed = cluster.hosts.host(0).docker(&["volume", "ls", "-q"]).unwrap();
        listed.lines().count()
    };
    assert_eq!(count(cluster), 2, "one volume for each emptyDir");
    cluster.server.ask("DELETE", &format!("{PODS}/volumes"), &[], b"");
    eventually("the pod's volumes are gone", || (count(cluster) == 0, count(cluster)));
    assert!(shared.join("from-pod").exists());

    // A directory of the host that must be there and is not keeps the container from being made, and is named.
    let spec = json!({
        "volumes": [{"name": "host", "hostPath": {"path": "/no/such/directory", "type": "Directory"}}],
        "containers": [{"name": "c", "command": ["sleep", "1000"],
                        "volumeMounts": [{"name": "host", "mountPath": "/host"}]}],
    });
    cluster.create("nowhere", &json!({}), spec);
    cluster.wait("nowhere", "says what is missing", |pod| {
        let waiting = &pod["status"]["containerStatuses"][0]["state"]["waiting"];
        waiting["message"].as_str().unwrap_or_default().contains("/no/such/directory")
    });
}

/// What one container left is there for the next, although none was there in between; and it is anybody's to write to.
fn volumes_last_as_long_as_their_pod(cluster: &mut Cluster) {
    // The image has a directory with files where the volume is mounted: an emptyDir begins empty all the same.
    let mounts = json!([{"name": "memory", "mountPath": "/memory"}, {"name": "disk", "mountPath": "/usr/share/page"}]);
    let writer = "ls /usr/share/page; echo memory > /memory/file && echo disk > /usr/share/page/file && echo written";
    let reader = "cat /memory/file /usr/share/page/file; test -e /memory/seen && exit 0; touch /memory/seen; exit 1";
    for (name, security, owner) in [
        ("anybody", json!({"runAsUser": 1000, "runAsGroup": 1000}), "drwxrwxrwx 0"),
        ("group", json!({"runAsUser": 1000, "runAsGroup": 1000, "fsGroup": 3_000_000}), "drwxrwsrwx 3000000"),
    ] {
        let list = "busybox stat -c '%A %g' /memory /usr/share/page";
        let spec = json!({
            "restartPolicy": "OnFailure", "securityContext": security,
            "volumes": [{"name": "memory", "emptyDir": {"medium": "Memory"}}, {"name": "disk", "emptyDir": {}}],
            "initContainers": [{"name": "writer", "command": ["sh", "-c", format!("{list}; {writer}")], "volumeMounts": mounts}],
            "containers": [{"name": "c", "command": ["sh", "-c", reader], "volumeMounts": mounts}],
        });
        cluster.create(name, &json!({}), spec);
        cluster.wait_phase(name, "Succeeded");
        assert_eq!(cluster.log(name, "writer"), format!("{owner}\n{owner}\nwritten\n"), "{name}");
        assert_eq!(cluster.log(name, "c"), "memory\ndisk\n", "{name}: the second start's");
        assert_eq!(cluster.pod(name)["status"]["containerStatuses"][0]["restartCount"], 1, "{name}");
    }
}

/// Creates a config map or a secret, or replaces it.
fn put_settings(cluster: &Cluster, kind: &str, name: &str, fields: &Value) {
    let path = format!("/api/v1/namespaces/default/{kind}");
    let mut body = fields.clone();
    body["metadata"] = json!({"name": name});
    let (status, answer) = match cluster.server.status("GET", &format!("{path}/{name}"), &[]) {
        404 => cluster.server.send("POST", &path, &body),
        _ => cluster.server.send("PUT", &format!("{path}/{name}"), &body),
    };
    assert!(status < 300, "{answer}");
}

/// Variables with their precedence, and files with their paths, modes and groups.
fn settings_as_variables_and_files(cluster: &Cluster) {
    let map = json!({"data": {"A": "a of the map", "B": "b of the map"}, "binaryData": {"bytes": "AAEC/w=="}});
    put_settings(cluster, "configmaps", "map", &map);
    put_settings(cluster, "secrets", "keys", &json!({"data": {"A": "c2VjcmV0", "tls.key": "azM="}}));
    let from_key = |name: &str, kind: &str, object: &str, key: &str, optional: bool| json!({"name": name, "valueFrom": {kind: {"name": object, "key": key, "optional": optional}}});
    let variables = "echo $A, $B, $S_A, $KEY, $BOTH, [$NONE]";
    let files = "cd /all && ls && cat A && echo && busybox od -An -tx1 bytes && busybox stat -c '%A %g' /all/..data/A; \
                 cd /some && busybox find . -name 'a*' | busybox sort && busybox stat -L -c '%a %u %g' a b/deep; \
                 cd /keys && cat tls.key && echo && busybox stat -L -c '%a' A && busybox grep -c ' /keys tmpfs ' /proc/mounts; \
                 cd /both && ls && cat secret/A && echo; cat /one/file && echo; touch /all/x 2>&1 | busybox grep -c Read-only; \
                 ls /none";
    let mount = |name: &str| json!({"name": name, "mountPath": format!("/{name}")});
    let spec = json!({
        "restartPolicy": "Never", "securityContext": {"fsGroup": 4000},
        "volumes": [
            {"name": "all", "configMap": {"name": "map"}},
            {"name": "some", "configMap": {"name": "map", "defaultMode": 0o400, "items": [
                {"key": "A", "path": "a"}, {"key": "B", "path": "b/deep", "mode": 0o751}]}},
            {"name": "keys", "secret": {"secretName": "keys", "defaultMode": 0o440}},
            {"name": "both", "projected": {"sources": [
                {"configMap": {"name": "map", "items": [{"key": "A", "path": "map"}]}},
                {"secret": {"name": "keys", "items": [{"key": "A", "path": "secret/A"}]}}]}},
            {"name": "none", "secret": {"secretName": "none", "optional": true}}],
        "containers": [{
            "name": "c", "command": ["sh", "-c", format!("{variables}; {files}")],
            "envFrom": [{"configMapRef": {"name": "map"}}, {"prefix": "S_", "secretRef": {"name": "keys"}},
                        {"configMapRef": {"name": "none", "optional": true}}],
            "env": [{"name": "B", "value": "b of the spec"}, from_key("KEY", "secretKeyRef", "keys", "tls.key", false),
                    {"name": "BOTH", "value": "$(A) and $(KEY)"}, from_key("NONE", "configMapKeyRef", "map", "none", true)],
            "volumeMounts": [mount("all"), mount("some"), mount("keys"), mount("both"), mount("none"),
                             {"name": "all", "mountPath": "/one/file", "subPath": "B"}]}],
    });
    cluster.create("settings", &json!({}), spec);
    cluster.wait_phase("settings", "Succeeded");
    let log = cluster.log("settings", "c");
    let expected = [
        "a of the map, b of the spec, secret, k3, a of the map and k3, []",
        "A",
        "B",
        "bytes",
        "a of the map",
        " 00 01 02 ff",
        "-rw-r--r-- 4000",
        "./..0/a",
        "./a",
        "440 0 4000",
        "751 0 4000",
        "k3",
        "440",
        "1",
        "map",
        "secret",
        "secret",
        "b of the map",
        "1",
    ];
    assert_eq!(log.lines().collect::<Vec<_>>(), expected, "{log}");
}

/// A change of what a running pod mounts comes to its files, all of them in one moment: what is gone goes, too. A part
/// that is mounted by itself stays as it was, and so do variables.
fn files_follow_their_settings(cluster: &mut Cluster) {
    put_settings(cluster, "configmaps", "live", &json!({"data": {"a": "1", "b": "1", "gone": "soon"}}));
    put_settings(cluster, "secrets", "live", &json!({"stringData": {"key": "1"}}));
    // Ends with 1 as soon as two files differ that change together.
    let script = "while true; do x=$(cd /map/..data && cat a b | busybox tr -d '\n'); \
                  case $x in 11|22|33) ;; *) echo torn: $x; exit 1;; esac; test -e /tmp/stop && break; done; \
                  cat /map/a /key/key /part; echo $A; ls /map; ls -d /map/..?*";
    let spec = json!({
        "restartPolicy": "Never",
        "volumes": [{"name": "map", "configMap": {"name": "live"}}, {"name": "key", "secret": {"secretName": "live"}}],
        "containers": [{
            "name": "c", "command": ["sh", "-c", script],
            "env": [{"name": "A", "valueFrom": {"configMapKeyRef": {"name": "live", "key": "a"}}}],
            "volumeMounts": [{"name": "map", "mountPath": "/map"}, {"name": "key", "mountPath": "/key"},
                             {"name": "map", "mountPath": "/part", "subPath": "a"}]}],
    });
    cluster.create("live", &json!({}), spec);
    cluster.wait_ready("live", "True");
    for state in ["2", "3"] {
        put_settings(cluster, "configmaps", "live", &json!({"data": {"a": state, "b": state, "new": state}}));
        put_settings(cluster, "secrets", "live", &json!({"stringData": {"key": state}}));
        let seen = format!("until grep -q {state} /map/new && grep -q {state} /key/key; do sleep 0.1; done");
        cluster.exec("live", &seen);
    }
    // The link to what is gone is the last to go.
    cluster.exec("live", "while test -L /map/gone; do sleep 0.1; done");
    // What runs in a container when it ends is killed, so it is told to once nothing does.
    cluster.exec("live", "(sleep 1; touch /tmp/stop) > /tmp/out 2>&1 &");
    cluster.wait_phase("live", "Succeeded");
    let log = cluster.log("live", "c");
    assert_eq!(log.lines().take(1).collect::<Vec<_>>(), ["3311"], "{log}");
    assert!(log.contains("\na\nb\nnew\n"), "{log}");
}

/// What is missing is named, and the pod starts as soon as it is there.
fn missing_settings(cluster: &Cluster) {
    let spec = json!({
        "restartPolicy": "Never",
        "volumes": [{"name": "v", "secret": {"secretName": "late"}}],
        "containers": [{"name": "c", "command": ["sh", "-c", "cat /v/key; echo; echo $KEY"],
                        "env": [{"name": "KEY", "valueFrom": {"configMapKeyRef": {"name": "late", "key": "key"}}}],
                        "volumeMounts": [{"name": "v", "mountPath": "/v"}]}],
    });
    cluster.create("late", &json!({}), spec);
    eventually("the missing volume is named", || {
        let reasons = cluster.reasons("late");
        (reasons.iter().any(|r| r == "FailedMount"), reasons)
    });
    put_settings(cluster, "secrets", "late", &json!({"stringData": {"key": "the file"}}));
    cluster.wait("late", "names the missing config map", |pod| {
        let waiting = &pod["status"]["containerStatuses"][0]["state"]["waiting"];
        waiting["reason"] == "CreateContainerConfigError" && waiting["message"] == "configmap \"late\" not found"
    });
    put_settings(cluster, "configmaps", "late", &json!({"data": {"key": "the variable"}}));
    cluster.wait_phase("late", "Succeeded");
    assert_eq!(cluster.log("late", "c"), "the file\nthe variable\n");
}

/// However soon a container ends, it is told that it began, when, and which container of the engine it was.
fn containers_that_end_at_once(cluster: &Cluster) {
    let containers: Vec<_> = (0..10).map(|n| json!({"name": format!("c{n}"), "command": ["true"]})).collect();
    cluster.create("brief", &json!({}), json!({"restartPolicy": "Never", "containers": containers}));
    cluster.wait_phase("brief", "Succeeded");
    for status in cluster.pod("brief")["status"]["containerStatuses"].as_array().unwrap() {
        let ended = &status["state"]["terminated"];
        assert!(ended["startedAt"].is_string(), "{status}");
        assert!(status["containerID"].as_str().is_some_and(|id| id.starts_with("docker://")), "{status}");
        assert_eq!(ended["containerID"], status["containerID"]);
    }
    let reasons = cluster.reasons("brief");
    for reason in ["Created", "Started"] {
        assert_eq!(reasons.iter().filter(|r| *r == reason).count(), 10, "{reasons:?}");
    }
}

fn what_it_is_told_of_itself(cluster: &Cluster) {
    let field = |name: &str, path: &str| json!({"name": name, "valueFrom": {"fieldRef": {"fieldPath": path}}});
    let spec = json!({"restartPolicy": "Never", "containers": [{
        "name": "c", "command": ["sh", "-c", "echo $NAME $APP $TEAM [$NONE] $NODE $LIMIT; test $IP = $(hostname -i) && echo ip"],
        "resources": {"limits": {"memory": "64Mi"}},
        "env": [field("NAME", "metadata.name"), field("APP", "metadata.labels['app.example/name']"),
                field("TEAM", "metadata.annotations['team']"), field("NONE", "metadata.labels['none']"),
                field("NODE", "spec.nodeName"), field("IP", "status.podIP"),
                {"name": "LIMIT", "valueFrom": {"resourceFieldRef": {"resource": "limits.memory", "divisor": "1Mi"}}}],
    }]});
    let metadata = json!({"labels": {"app.example/name": "shop"}, "annotations": {"team": "blue and green"}});
    cluster.create("downward", &metadata, spec);
    cluster.wait_phase("downward", "Succeeded");
    assert_eq!(cluster.log("downward", "c"), "downward shop blue and green [] host-0 64\nip\n");
}

/// A host knows how large its disk is, so pods that ask for some of it are placed, and those that ask for more wait.
fn ephemeral_storage(cluster: &Cluster) {
    let node = cluster.server.get("/api/v1/nodes/host-0");
    let capacity = node["status"]["capacity"]["ephemeral-storage"].as_str().unwrap_or_default();
    let kibibytes: u64 = capacity.trim_end_matches("Ki").parse().unwrap();
    assert!(capacity.ends_with("Ki") && kibibytes > 1 << 20, "{node}");
    let spec = |amount: String| {
        json!({"containers": [{"name": "c", "command": ["sleep", "1000"],
                               "resources": {"requests": {"ephemeral-storage": amount}}}]})
    };
    cluster.create("fits", &json!({}), spec("1Mi".to_owned()));
    cluster.create("large", &json!({}), spec(format!("{}Ki", kibibytes + 1)));
    cluster.wait_ready("fits", "True");
    cluster.wait("large", "is pending for want of disk", |pod| {
        let message = condition(pod, "PodScheduled")["message"].clone();
        message.as_str().unwrap_or_default().contains("Insufficient ephemeral-storage")
    });
}

/// Probes look at the real thing: readiness follows it both ways, and liveness restarts.
fn probes(cluster: &mut Cluster) {
    let probe = |action: Value| {
        let mut probe = json!({"periodSeconds": 1, "failureThreshold": 1, "timeoutSeconds": 10});
        probe.as_object_mut().unwrap().extend(action.as_object().unwrap().clone());
        probe
    };
    let exec = probe(json!({"exec": {"command": ["test", "-e", "/tmp/ok"]}}));
    let pod = |kind: &str, probe: &Value, script: &str| {
        let mut spec = json!({"containers": [{
            "name": "c", "command": ["sh", "-c", script], "ports": [{"name": "web", "containerPort": 8080}]}]});
        spec["containers"][0][kind] = probe.clone();
        spec
    };
    cluster.create("by-exec", &json!({}), pod("readinessProbe", &exec, "sleep 1000"));
    let serve = "sleep 2; echo fine > /tmp/index.html; while true; do httpd -f -p 8080 -h /tmp; done";
    let tcp = probe(json!({"tcpSocket": {"port": "web"}}));
    cluster.create("by-tcp", &json!({}), pod("readinessProbe", &tcp, serve));
    let http = probe(json!({"httpGet": {"path": "/index.html", "port": 8080}}));
    cluster.create("by-http", &json!({}), pod("readinessProbe", &http, serve));
    cluster.create("alive", &json!({}), pod("livenessProbe", &exec, "touch /tmp/ok; sleep 1000"));

    cluster.wait("by-exec", "runs and is not ready", |pod| {
        pod["status"]["phase"] == "Running" && condition(pod, "Ready")["status"] == "False"
    });
    cluster.exec("by-exec", "touch /tmp/ok");
    cluster.wait_ready("by-exec", "True");
    cluster.exec("by-exec", "rm /tmp/ok");
    cluster.wait_ready("by-exec", "False");
    cluster.wait_ready("by-tcp", "True");
    cluster.wait_ready("by-http", "True");
    cluster.exec("by-http", "rm /tmp/index.html");
    cluster.wait_ready("by-http", "False");
    let unhealthy = cluster.server.get("/api/v1/namespaces/default/events?fieldSelector=involvedObject.name%3Dby-http");
    assert!(unhealthy.to_string().contains("HTTP probe failed with statuscode: 404"), "{unhealthy}");

    cluster.wait_ready("alive", "True");
    cluster.exec("alive", "rm /tmp/ok");
    cluster.wait("alive", "was restarted once and runs again", |pod| {
        let status = &pod["status"]["containerStatuses"][0];
        status["restartCount"] == 1 && status["state"]["running"].is_object()
    });
    let reasons = cluster.reasons("alive");
    assert!(["Unhealthy", "Killing"].iter().all(|r| reasons.iter().any(|have| have == r)), "{reasons:?}");
}

/// A probe over TLS looks at no certificate; a container that speaks no TLS does not pass it.
fn https_probes(cluster: &Cluster) {
    let address = tls_server(&cluster.data);
    for (name, port, ready) in [("by-https", address.port(), "True"), ("no-tls", 8080, "False")] {
        let mut get = json!({"scheme": "HTTPS", "path": "/", "port": port});
        if name == "by-https" {
            get["host"] = "127.0.0.1".into();
        }
        let spec = json!({"containers": [{
            "name": "c", "command": ["sh", "-c", "exec httpd -f -p 8080 -h /tmp"], "ports": [{"containerPort": 8080}],
            "readinessProbe": {"httpGet": get, "periodSeconds": 1, "failureThreshold": 1, "timeoutSeconds": 10},
        }]});
        cluster.create(name, &json!({}), spec);
        if ready == "False" {
            eventually("the failed probe is told", || {
                let reasons = cluster.reasons(name);
                (reasons.iter().any(|r| r == "Unhealthy"), reasons)
            });
        }
        cluster.wait_ready(name, ready);
    }
}

/// A server with a certificate nobody vouches for, for another name.
fn tls_server(data: &Directory) -> SocketAddr {
    let files = Authority::new().unwrap().issue(&data.join("tls"), "elsewhere.example").unwrap();
    let certificates = CertificateDer::pem_file_iter(&files.cert).unwrap().map(Result::unwrap).collect();
    let key = PrivateKeyDer::from_pem_file(&files.key).unwrap();
    let config = rustls::ServerConfig::builder().with_no_client_auth().with_single_cert(certificates, key).unwrap();
    let config = Arc::new(config);
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        for stream in listener.incoming().map_while(Result::ok) {
            let session = rustls::ServerConnection::new(Arc::clone(&config)).unwrap();
            let mut stream = rustls::StreamOwned::new(session, stream);
            let mut request = [0; 4096];
            // Whoever breaks off is no concern of this server.
            if stream.read(&mut request).is_ok() {
                let _ = stream.write_all(b"HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n");
                let _ = stream.flush();
            }
        }
    });
    address
}
