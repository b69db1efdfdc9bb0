//! What Kubernetes fills in where a client said nothing.
//!
//! Source: upstream's `SetDefaults_*` functions for the core group, version 1.36.

use super::ephemeral::change_as_container;
use super::pod_resources::default_whole;
use super::{Body, Document, Kind, Labels, Meta, Object, PodBody, PodPhase, QosClass, Quantity, Typed, base64};
use k8s_openapi::api::core::v1 as k8s;
use k8s_openapi::apimachinery::pkg::api::resource::Quantity as Text;
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;
use serde_json::{Map, Value};
use std::collections::BTreeMap;
use std::sync::Arc;

/// Fills in the defaults of an object of any kind. Idempotent.
pub fn set_defaults(object: &mut Object) {
    let meta = &mut object.meta;
    match &mut object.body {
        Body::Namespace { status, .. } => {
            let name = meta.name.to_string();
            let labels = Arc::make_mut(&mut meta.labels);
            if !name.is_empty() {
                labels.insert("kubernetes.io/metadata.name".to_owned(), name);
            }
            Arc::make_mut(status).phase.get_or_insert_with(|| "Active".to_owned());
        }
        Body::Node { spec, status } => {
            let spec = Arc::make_mut(spec);
            if spec.pod_cidrs.as_ref().is_none_or(Vec::is_empty) {
                spec.pod_cidrs = spec.pod_cidr.clone().filter(|c| !c.is_empty()).map(|c| vec![c]);
            }
            let status = Arc::make_mut(status);
            canonical(status.capacity.as_mut());
            if status.allocatable.is_none() {
                status.allocatable = status.capacity.clone();
            }
            canonical(status.allocatable.as_mut());
        }
        Body::Pod(pod) => default_pod(pod),
        Body::ReplicationController { spec, .. } => {
            let spec: &mut Typed<_> = Arc::make_mut(spec);
            default_controller(meta, spec);
        }
        Body::Service { spec, .. } => default_service(Arc::make_mut(spec)),
        Body::Endpoints { subsets } => {
            for port in Arc::make_mut(subsets).iter_mut().flat_map(|s| s.ports.iter_mut().flatten()) {
                fill(&mut port.protocol, "TCP");
            }
        }
        Body::Event(_) => {}
        Body::Document(document) => default_document(document),
    }
}

fn default_document(document: &mut Document) {
    match document.kind {
        Kind::Secret => {
            if document.text(&["type"]).is_empty() {
                document.fields_mut().insert("type".to_owned(), "Opaque".into());
            }
            // Plain text is only a way to write.
            if let Some(Value::Object(plain)) = document.fields.get("stringData").cloned() {
                let fields = document.fields_mut();
                fields.remove("stringData");
                if let Value::Object(data) = fields.entry("data").or_insert_with(|| Map::new().into()) {
                    data.extend(plain.into_iter().filter_map(|(key, value)| {
                        let coded = base64::encode(value.as_str()?.as_bytes());
                        Some((key, coded.into()))
                    }));
                }
            }
        }
        Kind::PriorityClass if document.text(&["preemptionPolicy"]).is_empty() => {
            document.fields_mut().insert("preemptionPolicy".to_owned(), "PreemptLowerPriority".into());
        }
        Kind::LimitRange => {
            let Some(Value::Array(limits)) = document.fields_mut().get_mut("spec").and_then(|s| s.get_mut("limits"))
            else {
                return;
            };
            limits.iter_mut().filter(|item| item["type"] == "Container").for_each(default_limits);
        }
        _ => {}
    }
}

/// What a container gets where a limit range says only what it may have.
fn default_limits(item: &mut Value) {
    for (from, to) in [("max", "default"), ("default", "defaultRequest"), ("min", "defaultRequest")] {
        let Some(Value::Object(from)) = item.get(from).cloned() else { continue };
        if from.is_empty() {
            continue;
        }
        let Value::Object(item) = item else { return };
        if let Value::Object(to) = item.entry(to).or_insert_with(|| Map::new().into()) {
            for (name, amount) in from {
                to.entry(name).or_insert(amount);
            }
        }
    }
}

fn fill(slot: &mut Option<String>, default: &str) {
    if slot.as_deref().unwrap_or_default().is_empty() {
        *slot = Some(default.to_owned());
    }
}

fn default_pod(pod: &mut PodBody) {
    let spec = &mut **Arc::make_mut(&mut pod.spec);
    default_pod_spec(spec);
    // What only pods, not templates, get: requests where there are limits.
    for container in spec.containers.iter_mut().chain(spec.init_containers.iter_mut().flatten()) {
        if let Some(resources) = &mut container.resources
            && let Some(limits) = resources.limits.as_ref().filter(|l| !l.is_empty())
        {
            let requests = resources.requests.get_or_insert_default();
            for (name, limit) in limits {
                requests.entry(name.clone()).or_insert_with(|| limit.clone());
            }
        }
    }
    default_whole(spec);
    if spec.enable_service_links.is_none() {
        spec.enable_service_links = Some(true);
    }
    if spec.host_network == Some(true) {
        default_host_ports(spec);
    }
    if pod.status.phase == PodPhase::Pending && pod.status.qos_class.is_none() {
        pod.status.qos_class = Some(quality_of_service(spec));
    }
}

/// The quality-of-service class of a pod: `Guaranteed` where every container has limits of cpu and memory and requests
/// just as much, `BestEffort` where no container asks for anything, else `Burstable`. What the pod as a whole asks for
/// goes before its containers'.
pub fn quality_of_service(spec: &k8s::PodSpec) -> QosClass {
    let mut any = false;
    let mut guaranteed = true;
    let whole = spec.resources.as_ref().filter(|r| r.requests.is_some() || r.limits.is_some());
    let containers = spec.containers.iter().chain(spec.init_containers.iter().flatten());
    let each = containers.map(|c| c.resources.as_ref()).filter(|_| whole.is_none());
    for resources in each.chain(whole.map(Some)) {
        let empty = BTreeMap::new();
        let (requests, limits) = resources
            .map_or((&empty, &empty), |r| (r.requests.as_ref().unwrap_or(&empty), r.limits.as_ref().unwrap_or(&empty)));
        for name in ["cpu", "memory"] {
            let amount = |map: &BTreeMap<String, Text>| {
                map.get(name).and_then(|q| Quantity::parse(&q.0).ok()).filter(|q| q.signum() > 0)
            };
            let (request, limit) = (amount(requests), amount(limits));
            any |= request.is_some() || limit.is_some();
            guaranteed &= match (request, limit) {
                (Some(request), Some(limit)) => request.compare(limit).is_eq(),
                (None, Some(_)) => true,
                _ => false,
            };
        }
    }
    match (any, guaranteed) {
        (false, _) => QosClass::BestEffort,
        (true, true) => QosClass::Guaranteed,
        (true, false) => QosClass::Burstable,
    }
}

fn default_host_ports(spec: &mut k8s::PodSpec) {
    for container in spec.containers.iter_mut().chain(spec.init_containers.iter_mut().flatten()) {
        for port in container.ports.iter_mut().flatten() {
            if port.host_port.unwrap_or_default() == 0 {
                port.host_port = Some(port.container_port);
            }
        }
    }
}

/// Fills in the defaults of a pod's spec, as they hold for templates too.
pub fn default_pod_spec(spec: &mut k8s::PodSpec) {
    fill(&mut spec.dns_policy, "ClusterFirst");
    fill(&mut spec.restart_policy, "Always");
    fill(&mut spec.scheduler_name, "default-scheduler");
    spec.termination_grace_period_seconds.get_or_insert(30);
    spec.security_context.get_or_insert_default();
    // The old name of the field is kept equal to the new one, as upstream's conversion does.
    if spec.service_account_name.is_some() || spec.service_account.is_some() {
        let name = spec.service_account_name.clone().or_else(|| spec.service_account.clone());
        spec.service_account_name.clone_from(&name);
        spec.service_account = name;
    }
    canonical(spec.overhead.as_mut());
    for container in spec.init_containers.iter_mut().flatten().chain(spec.containers.iter_mut()) {
        default_container(container);
    }
    for ephemeral in spec.ephemeral_containers.iter_mut().flatten() {
        change_as_container(ephemeral, default_container);
    }
    for volume in spec.volumes.iter_mut().flatten() {
        default_volume(volume);
    }
    if spec.topology_spread_constraints.iter().flatten().count() == 0 {
        spec.topology_spread_constraints = None;
    }
}

fn default_container(container: &mut k8s::Container) {
    fill(&mut container.termination_message_path, "/dev/termination-log");
    fill(&mut container.termination_message_policy, "File");
    fill(&mut container.image_pull_policy, pull_policy(container.image.as_deref()));
    let resources = container.resources.get_or_insert_default();
    canonical(resources.limits.as_mut());
    canonical(resources.requests.as_mut());
    for port in container.ports.iter_mut().flatten() {
        fill(&mut port.protocol, "TCP");
    }
    let probes = [&mut container.liveness_probe, &mut container.readiness_probe, &mut container.startup_probe];
    for probe in probes.into_iter().flatten() {
        default_probe(probe);
    }
    let handlers = container.lifecycle.iter_mut().flat_map(|l| [&mut l.post_start, &mut l.pre_stop]);
    for handler in handlers.flatten() {
        if let Some(http) = &mut handler.http_get {
            default_http(http);
        }
    }
    for variable in container.env.iter_mut().flatten() {
        if let Some(field) = variable.value_from.as_mut().and_then(|v| v.field_ref.as_mut()) {
            fill(&mut field.api_version, "v1");
        }
        if let Some(resource) = variable.value_from.as_mut().and_then(|v| v.resource_field_ref.as_mut()) {
            resource.divisor.get_or_insert_with(|| Text("0".to_owned()));
        }
        if let Some(file) = variable.value_from.as_mut().and_then(|v| v.file_key_ref.as_mut()) {
            file.optional.get_or_insert(false);
        }
    }
}

fn pull_policy(image: Option<&str>) -> &'static str {
    if has_latest_tag(image.unwrap_or_default()) { "Always" } else { "IfNotPresent" }
}

/// Whether an image is named with the tag `latest`, or with neither tag nor digest.
pub fn has_latest_tag(image: &str) -> bool {
    if image.contains('@') {
        return false;
    }
    let last = image.rsplit('/').next().unwrap_or_default();
    last.split_once(':').is_none_or(|(_, tag)| tag == "latest")
}

fn default_http(http: &mut k8s::HTTPGetAction) {
    fill(&mut http.path, "/");
    fill(&mut http.scheme, "HTTP");
}

fn default_probe(probe: &mut k8s::Probe) {
    let number = |slot: &mut Option<i32>, default| {
        if slot.unwrap_or_default() == 0 {
            *slot = Some(default);
        }
    };
    number(&mut probe.timeout_seconds, 1);
    number(&mut probe.period_seconds, 10);
    number(&mut probe.success_threshold, 1);
    number(&mut probe.failure_threshold, 3);
    if let Some(http) = &mut probe.http_get {
        default_http(http);
    }
    if let Some(grpc) = &mut probe.grpc {
        grpc.service.get_or_insert_default();
    }
}

fn default_volume(volume: &mut k8s::Volume) {
    const MODE: i32 = 0o644;
    if let Some(host_path) = &mut volume.host_path {
        host_path.type_.get_or_insert_default();
    }
    if let Some(secret) = &mut volume.secret {
        secret.default_mode.get_or_insert(MODE);
    }
    if let Some(config_map) = &mut volume.config_map {
        config_map.default_mode.get_or_insert(MODE);
    }
    if let Some(empty_dir) = &mut volume.empty_dir
        && let Some(limit) = &mut empty_dir.size_limit
    {
        canonical_one(limit);
    }
    if let Some(downward) = &mut volume.downward_api {
        downward.default_mode.get_or_insert(MODE);
        for item in downward.items.iter_mut().flatten() {
            if let Some(field) = &mut item.field_ref {
                fill(&mut field.api_version, "v1");
            }
            if let Some(resource) = &mut item.resource_field_ref {
                resource.divisor.get_or_insert_with(|| Text("0".to_owned()));
            }
        }
    }
    if let Some(projected) = &mut volume.projected {
        projected.default_mode.get_or_insert(MODE);
        for source in projected.sources.iter_mut().flatten() {
            if let Some(token) = &mut source.service_account_token {
                token.expiration_seconds.get_or_insert(3600);
            }
            let files = source.downward_api.iter_mut().flat_map(|d| d.items.iter_mut().flatten());
            for field in files.filter_map(|i| i.field_ref.as_mut()) {
                fill(&mut field.api_version, "v1");
            }
        }
    }
    if let Some(image) = &mut volume.image {
        fill(&mut image.pull_policy, pull_policy(image.reference.as_deref()));
    }
    if let Some(claim) = volume.ephemeral.as_mut().and_then(|e| e.volume_claim_template.as_mut()) {
        fill(&mut claim.spec.volume_mode, "Filesystem");
    }
    if is_bare(volume) {
        volume.empty_dir = Some(k8s::EmptyDirVolumeSource::default());
    }
}

fn is_bare(volume: &k8s::Volume) -> bool {
    *volume == k8s::Volume { name: volume.name.clone(), ..k8s::Volume::default() }
}

fn default_controller(meta: &mut Meta, spec: &mut k8s::ReplicationControllerSpec) {
    if let Some(template) = &mut spec.template {
        let labels = template.metadata.as_ref().and_then(|m| m.labels.clone()).unwrap_or_default();
        if !labels.is_empty() {
            if spec.selector.as_ref().is_none_or(BTreeMap::is_empty) {
                spec.selector = Some(labels.clone());
            }
            if meta.labels.is_empty() {
                meta.labels = Labels::new(labels);
            }
        }
        template.metadata.get_or_insert_default();
        let pod = template.spec.get_or_insert_default();
        default_pod_spec(pod);
    }
    spec.replicas.get_or_insert(1);
}

fn default_service(spec: &mut k8s::ServiceSpec) {
    fill(&mut spec.type_, "ClusterIP");
    fill(&mut spec.session_affinity, "None");
    if spec.session_affinity.as_deref() == Some("ClientIP") {
        let config = spec.session_affinity_config.get_or_insert_default();
        config.client_ip.get_or_insert_default().timeout_seconds.get_or_insert(10_800);
    } else if spec.session_affinity.as_deref() == Some("None") {
        spec.session_affinity_config = None;
    }
    for port in spec.ports.iter_mut().flatten() {
        fill(&mut port.protocol, "TCP");
        let unset = match &port.target_port {
            None | Some(IntOrString::Int(0)) => true,
            Some(IntOrString::String(name)) => name.is_empty(),
            Some(IntOrString::Int(_)) => false,
        };
        if unset {
            port.target_port = Some(IntOrString::Int(port.port));
        }
    }
    let kind = spec.type_.clone().unwrap_or_default();
    let external = spec.external_ips.as_ref().is_some_and(|ips| !ips.is_empty());
    if matches!(kind.as_str(), "NodePort" | "LoadBalancer") || (kind == "ClusterIP" && external) {
        fill(&mut spec.external_traffic_policy, "Cluster");
    }
    if kind == "LoadBalancer" {
        spec.allocate_load_balancer_node_ports.get_or_insert(true);
    }
    if kind != "ExternalName" {
        fill(&mut spec.internal_traffic_policy, "Cluster");
    }
}

/// Writes every quantity of a map in its canonical form. What is no quantity stays for validation to refuse.
fn canonical(map: Option<&mut BTreeMap<String, Text>>) {
    for quantity in map.into_iter().flat_map(BTreeMap::values_mut) {
        canonical_one(quantity);
    }
}

fn canonical_one(quantity: &mut Text) {
    if let Ok(parsed) = Quantity::parse(&quantity.0) {
        quantity.0 = parsed.to_string();
    }
}
