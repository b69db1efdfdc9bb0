//! Scheduling: cases of the shapes and names of kube-scheduler's own benchmark, `scheduler_perf`.

use super::world::resident;
use kubarium_core::api::{Kind, Object};
use kubarium_core::apiserver::{Method, Request};
use kubarium_core::{Cluster, Config, Input, Rng, Span, Time};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::{Duration, Instant};

const NOW: Time = Time(1_800_000_000_000_000);

/// How many pods of each case are placed by the reference: it would take minutes for all.
const SCANNED: usize = 100;

/// How often the pods of each case are placed.
const RUNS: usize = 5;

/// How many pods of each case are created one at a time.
const ALONE: usize = 1_000;

/// The labels and the spec of a pod.
type Template = fn() -> (Value, Value);

/// A case: what is there before, and what is measured.
struct Case {
    name: &'static str,
    /// The zones that nodes take turns to be in.
    zones: &'static [&'static str],
    /// Pods that are placed before, and how many for each thousand nodes.
    before: &'static [(Template, usize)],
    /// The pods that are measured.
    pod: Template,
    /// How many, by the number of nodes.
    pods: &'static [(usize, usize)],
    /// What it is to reach on 5,000 nodes, in pods a second.
    aim: Option<u32>,
}

const MOONS: &[&str] = &["moon-1", "moon-2", "moon-3"];

const CASES: &[Case] = &[
    Case {
        name: "SchedulingBasic",
        zones: &[],
        before: &[(plain, 200)],
        pod: plain,
        pods: &[(500, 1_000), (5_000, 10_000), (5_000, 50_000)],
        aim: Some(300_000),
    },
    Case {
        name: "SchedulingNodeAffinity",
        zones: &["zone1"],
        before: &[(node_affinity, 1_000)],
        pod: node_affinity,
        pods: &[(500, 1_000), (5_000, 10_000)],
        aim: Some(100_000),
    },
    Case {
        name: "TopologySpreading",
        zones: MOONS,
        before: &[(plain, 1_000)],
        pod: spread,
        pods: &[(500, 1_000), (5_000, 5_000)],
        aim: Some(100_000),
    },
    Case {
        name: "PreferredTopologySpreading",
        zones: MOONS,
        before: &[(plain, 1_000)],
        pod: spread_softly,
        pods: &[(500, 1_000), (5_000, 5_000)],
        aim: Some(30_000),
    },
    Case {
        name: "SchedulingPodAffinity",
        zones: &["zone1"],
        before: &[(affinity, 1_000)],
        pod: affinity,
        pods: &[(500, 1_000), (5_000, 5_000)],
        aim: Some(30_000),
    },
    Case {
        name: "SchedulingPodAntiAffinity",
        zones: &[],
        before: &[(anti_affinity, 200)],
        pod: anti_affinity,
        pods: &[(500, 400), (5_000, 2_000)],
        aim: Some(30_000),
    },
    Case {
        name: "SchedulingPreferredPodAffinity",
        zones: &[],
        before: &[(prefers_affinity, 1_000)],
        pod: prefers_affinity,
        pods: &[(500, 1_000), (5_000, 5_000)],
        aim: Some(30_000),
    },
    Case {
        name: "SchedulingPreferredPodAntiAffinity",
        zones: &[],
        before: &[(prefers_anti_affinity, 1_000)],
        pod: prefers_anti_affinity,
        pods: &[(500, 1_000), (5_000, 5_000)],
        aim: Some(30_000),
    },
    Case {
        name: "MixedSchedulingBasePod",
        zones: &["zone1"],
        before: &[
            (plain, 400),
            (affinity, 400),
            (anti_affinity, 400),
            (prefers_affinity, 400),
            (prefers_anti_affinity, 400),
        ],
        pod: plain,
        pods: &[(500, 1_000), (5_000, 5_000)],
        aim: Some(30_000),
    },
    Case {
        name: "PreemptionBasic",
        zones: &[],
        before: &[(low, 4_000)],
        pod: high,
        pods: &[(500, 500), (5_000, 5_000)],
        aim: Some(10_000),
    },
    // The next two are ours.
    Case {
        name: "PreemptionUnderBudget",
        zones: &[],
        before: &[(served, 4_000)],
        pod: high,
        pods: &[(500, 500), (5_000, 5_000)],
        aim: None,
    },
    Case {
        name: "PreemptionWithTerms",
        zones: MOONS,
        before: &[(low, 4_000)],
        pod: high_and_apart,
        pods: &[(500, 500), (5_000, 4_500)],
        aim: None,
    },
    Case {
        name: "Unschedulable",
        zones: &[],
        before: &[(too_large, 40)],
        pod: plain,
        pods: &[(500, 1_000), (5_000, 10_000)],
        aim: None,
    },
];

fn container(cpu: &str, memory: &str) -> Value {
    let requests = json!({"cpu": cpu, "memory": memory});
    json!([{"name": "pause", "image": "pause:3.10", "ports": [{"containerPort": 80}], "resources": {"limits": requests, "requests": requests}}])
}

fn small() -> Value {
    json!({"containers": container("100m", "500Mi")})
}

fn with(labels: Value, field: &str, value: Value) -> (Value, Value) {
    let mut spec = small();
    spec[field] = value;
    (labels, spec)
}

fn plain() -> (Value, Value) {
    (json!({}), small())
}

fn node_affinity() -> (Value, Value) {
    let wanted = json!({"key": "topology.kubernetes.io/zone", "operator": "In", "values": ["zone1", "zone2"]});
    let terms = json!([{"matchExpressions": [wanted]}]);
    let required = json!({"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": terms}});
    with(json!({}), "affinity", json!({"nodeAffinity": required}))
}

fn evenly(when: &str) -> (Value, Value) {
    let term = json!({
        "maxSkew": 5, "topologyKey": "topology.kubernetes.io/zone", "whenUnsatisfiable": when,
        "labelSelector": {"matchLabels": {"color": "blue"}},
    });
    with(json!({"color": "blue"}), "topologySpreadConstraints", json!([term]))
}

fn spread() -> (Value, Value) {
    evenly("DoNotSchedule")
}

fn spread_softly() -> (Value, Value) {
    evenly("ScheduleAnyway")
}

fn term(color: &str, key: &str) -> Value {
    json!({"labelSelector": {"matchLabels": {"color": color}}, "topologyKey": key})
}

fn affinity() -> (Value, Value) {
    let terms = json!([term("blue", "topology.kubernetes.io/zone")]);
    let required = json!({"podAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": terms}});
    with(json!({"color": "blue"}), "affinity", required)
}

fn anti_affinity() -> (Value, Value) {
    let terms = json!([term("green", "kubernetes.io/hostname")]);
    let required = json!({"podAntiAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": terms}});
    with(json!({"color": "green"}), "affinity", required)
}

fn prefers(color: &str, which: &str) -> (Value, Value) {
    let terms = json!([{"weight": 1, "podAffinityTerm": term(color, "kubernetes.io/hostname")}]);
    let preferred = json!({which: {"preferredDuringSchedulingIgnoredDuringExecution": terms}});
    with(json!({"color": color}), "affinity", preferred)
}

fn prefers_affinity() -> (Value, Value) {
    prefers("red", "podAffinity")
}

fn prefers_anti_affinity() -> (Value, Value) {
    prefers("yellow", "podAntiAffinity")
}

fn sized(cpu: &str, priority: i32) -> (Value, Value) {
    let spec = json!({"containers": container(cpu, "500Mi"), "terminationGracePeriodSeconds": 0, "priority": priority});
    (json!({}), spec)
}

fn low() -> (Value, Value) {
    sized("900m", 0)
}

fn high() -> (Value, Value) {
    sized("3000m", 10)
}

/// As [`low`], of pods that serve, and that a budget protects but for a hundredth.
fn served() -> (Value, Value) {
    (json!({"color": "brown"}), low().1)
}

/// As [`high`], no two of them on a node, and spread over zones.
fn high_and_apart() -> (Value, Value) {
    let mut spec = high().1;
    spec["affinity"] = anti_affinity().1["affinity"].take();
    let mut spread = spread().1["topologySpreadConstraints"].take();
    spread[0]["labelSelector"]["matchLabels"]["color"] = json!("green");
    spec["topologySpreadConstraints"] = spread;
    (json!({"color": "green"}), spec)
}

fn too_large() -> (Value, Value) {
    sized("9000m", 0)
}

/// Pods of a template, alike but for their names and uids, which are random as those of generated names.
struct Pods {
    object: Object,
    rng: Rng,
}

impl Pods {
    fn new(template: Template, number: u64, scheduler: &str) -> Result<Self, String> {
        let object = Object::from_value(Kind::Pod, &manifest(template, scheduler)).map_err(|e| e.to_string())?;
        Ok(Self { object, rng: Rng::new(number, "pods") })
    }
}

impl Iterator for Pods {
    type Item = Arc<Object>;

    fn next(&mut self) -> Option<Arc<Object>> {
        let mut object = self.object.clone();
        object.meta.uid = self.rng.uid();
        object.meta.name = format!("pod-{:010x}", object.meta.uid.bits() as u64 >> 24).into();
        Some(Arc::new(object))
    }
}

fn manifest(template: Template, scheduler: &str) -> Value {
    let (labels, mut spec) = template();
    spec["schedulerName"] = json!(scheduler);
    spec["restartPolicy"] = json!("Always");
    let serves = labels["color"] == "brown";
    let mut pod = json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"namespace": "default", "labels": labels}, "spec": spec});
    if serves {
        pod["status"] = json!({"conditions": [{"type": "Ready", "status": "True"}]});
    }
    pod
}

/// A budget of the pods that serve, of which so many are there.
fn budget(pods: usize) -> Value {
    json!({"kind": "PodDisruptionBudget", "metadata": {"name": "b", "namespace": "default"},
        "spec": {"minAvailable": pods - pods / 100, "selector": {"matchLabels": {"color": "brown"}}}})
}

fn read(kind: Kind, value: &Value) -> Result<Arc<Object>, String> {
    Object::from_value(kind, value).map(Arc::new).map_err(|e| e.to_string())
}

/// Nodes as `scheduler_perf` has them: 4 cpu, 32 GiB, 110 pods.
fn base(nodes: usize, zones: &[&str]) -> Result<Vec<Arc<Object>>, String> {
    let mut objects = vec![read(Kind::Namespace, &json!({"metadata": {"name": "default"}}))?];
    for at in 0..nodes {
        let name = format!("node-{at:05}");
        let mut labels = json!({"kubernetes.io/hostname": name});
        if let Some(zone) = zones.get(at % zones.len().max(1)) {
            labels["topology.kubernetes.io/zone"] = json!(zone);
        }
        let resources = json!({"cpu": "4", "memory": "32Gi", "pods": "110"});
        let status = json!({"capacity": resources, "allocatable": resources,
            "conditions": [{"type": "Ready", "status": "True"}]});
        objects.push(read(Kind::Node, &json!({"metadata": {"name": name, "labels": labels}, "status": status}))?);
    }
    Ok(objects)
}

/// Lets the cluster work until nothing is left to do within some seconds of its time: who made others go waits for them.
fn run(cluster: &mut Cluster) {
    let end = NOW + Span::from_secs(10);
    let mut now = NOW;
    while let Some(wake) = cluster.handle(now, Input::Wake).wake.filter(|at| *at <= end) {
        now = now.max(wake);
    }
}

fn restore(objects: impl IntoIterator<Item = Arc<Object>>) -> Cluster {
    Cluster::restore(Config::default(), NOW, 1, objects)
}

/// How many of the pods have a node that were not there before.
fn bound(cluster: &Cluster, before: &[Arc<Object>]) -> usize {
    let known: BTreeSet<_> = before.iter().map(|o| o.meta.uid).collect();
    let pods = cluster.store().list(Kind::Pod, None);
    pods.filter(|o| o.pod().is_some_and(|p| p.node.is_some()) && !known.contains(&o.meta.uid)).count()
}

/// Everything there is before the measured pods come. Pods that pend stay so.
fn before(case: &Case, nodes: usize) -> Result<Vec<Arc<Object>>, String> {
    let mut objects = base(nodes, case.zones)?;
    for (number, (template, each)) in case.before.iter().enumerate() {
        let scheduler = "default-scheduler";
        let count = each * nodes / 1_000;
        objects.extend(Pods::new(*template, number as u64 + 1, scheduler)?.take(count));
        if case.name.ends_with("Budget") {
            objects.push(read(Kind::PodDisruptionBudget, &budget(count))?);
        }
    }
    let mut cluster = restore(objects);
    run(&mut cluster);
    let kinds = [Kind::Namespace, Kind::Node, Kind::Pod, Kind::PodDisruptionBudget];
    Ok(kinds.into_iter().flat_map(|kind| cluster.store().list(kind, None)).cloned().collect())
}

/// How long it takes until so many pods are placed, the middle of so many runs. What the rest of the cluster takes to be
/// read is left out, the middle of as many.
fn place(
    before: &[Arc<Object>],
    case: &Case,
    pods: usize,
    scheduler: &str,
    runs: usize,
) -> Result<(Duration, usize), String> {
    let timed = |objects: Vec<Arc<Object>>| {
        let start = Instant::now();
        let mut cluster = restore(objects);
        run(&mut cluster);
        (start.elapsed(), bound(&cluster, before))
    };
    let (mut with, mut without, mut placed) = (Vec::new(), Vec::new(), 0);
    for _ in 0..runs {
        without.push(timed(before.to_vec()).0);
        let pods = Pods::new(case.pod, 0, scheduler)?.take(pods);
        let (took, count) = timed(before.iter().cloned().chain(pods).collect());
        with.push(took);
        placed = count;
    }
    let [with, without] = [with, without].map(|mut times| {
        times.sort();
        times.get(times.len() / 2).copied().unwrap_or_default()
    });
    Ok((with.saturating_sub(without), placed))
}

/// The time each pod takes that is created by a request while nothing else is to be done, the slowest hundredth and the
/// middle, in microseconds: reading the request, the decision, and binding.
fn one_by_one(before: &[Arc<Object>], case: &Case, pods: usize) -> (f64, f64) {
    let mut cluster = restore(before.iter().cloned());
    run(&mut cluster);
    let mut body = manifest(case.pod, "default-scheduler");
    let mut times: Vec<Duration> = Vec::new();
    for at in 0..pods {
        body["metadata"]["name"] = json!(format!("alone-{at}"));
        let mut request = Request::new(Method::Post, "/api/v1/namespaces/default/pods");
        "application/json".clone_into(&mut request.content_type);
        request.brief = true;
        request.body = body.to_string();
        let start = Instant::now();
        let now = cluster.now();
        let mut output = cluster.handle(now, Input::Request(request));
        while output.wake == Some(now) {
            output = cluster.handle(now, Input::Wake);
        }
        times.push(start.elapsed());
    }
    times.sort();
    let at = |share: usize| times.get(times.len() * share / 100).map_or(0.0, |t| t.as_secs_f64() * 1e6);
    (at(50), at(99))
}

/// Measures the cases whose names have that in them.
pub(crate) fn measure(part: &str) -> Result<(), String> {
    if "empty".contains(&part.to_lowercase()) {
        // First: what earlier cases gave back would not count as new memory.
        from_empty(5_000, 150_000)?;
    }
    println!(
        "{:34} {:>6} {:>6} {:>9} {:>8} {:>7} {:>8} {:>8}",
        "case", "nodes", "pods", "pods/s", "aim", "x scan", "p50 us", "p99 us"
    );
    for case in CASES.iter().filter(|case| case.name.to_lowercase().contains(&part.to_lowercase())) {
        for (nodes, pods) in case.pods {
            let before = before(case, *nodes)?;
            let (took, placed) = place(&before, case, *pods, "default-scheduler", RUNS)?;
            let (scanned, _) = place(&before, case, SCANNED, "full-scan", 1)?;
            let (middle, slow) = one_by_one(&before, case, (*pods).min(ALONE));
            let rate = *pods as f64 / took.as_secs_f64();
            let scan = SCANNED as f64 / scanned.as_secs_f64();
            let aim = case.aim.filter(|_| *nodes == 5_000).map(|aim| aim.to_string()).unwrap_or_default();
            let short = if placed < *pods { format!("  {placed} placed") } else { String::new() };
            println!(
                "{:34} {nodes:>6} {pods:>6} {rate:>9.0} {aim:>8} {:>7.0} {middle:>8.0} {slow:>8.0}{short}",
                case.name,
                rate / scan
            );
        }
    }
    Ok(())
}

fn from_empty(nodes: usize, pods: usize) -> Result<(), String> {
    let base = base(nodes, &[])?;
    let idle = || {
        let mut cluster = restore(base.iter().cloned());
        run(&mut cluster);
        Ok::<_, String>((cluster, resident()?))
    };
    let ((_first, one), (_second, two)) = (idle()?, idle()?);
    // What a cluster takes for the nodes alone is not for its pods.
    let for_nodes = two.saturating_sub(one);
    let before = two + for_nodes;
    let pending: Vec<_> = Pods::new(plain, 0, "default-scheduler")?.take(pods).collect();
    let start = Instant::now();
    let mut cluster = restore(base.into_iter().chain(pending));
    run(&mut cluster);
    let took = start.elapsed();
    let each = (resident()?.saturating_sub(before)) as f64 / pods as f64;
    println!(
        "{} pods on {nodes} nodes from empty in {:.0} ms (aim 1,000), {each:.0} bytes per pod (aim 600), {:.1} MB for the nodes",
        bound(&cluster, &[]),
        took.as_secs_f64() * 1e3,
        for_nodes as f64 / 1e6
    );
    Ok(())
}
