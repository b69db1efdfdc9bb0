//! What a pod demands of where it goes, and how it could demand less.

use super::super::pod_edit::{Edit, escaped};
use super::{Change, Reach, Step};
use crate::cluster::Cluster;
use crate::scheduler::{Obstacle, Reason};
use serde_json::{Value, json};

/// How large a change is that drops a demand of which a smaller part would do.
const WHOLE: i64 = 1_000;

/// A pod's demands, and the steps that lower them.
pub(super) struct Demands<'a> {
    pub(super) spec: &'a Value,
    pub(super) steps: &'a mut Vec<Step>,
}

impl Demands<'_> {
    /// Lowers what a node refuses the pod for.
    pub(super) fn lower(&mut self, reason: &Reason, cluster: &Cluster) {
        match reason {
            Reason::NodeAffinity | Reason::OtherNodesNamed | Reason::AffinityConflict => self.node_affinity(),
            Reason::AddedAffinity => self.scheduler(cluster),
            Reason::Ports => self.ports(),
            Reason::DiskConflict => self.disks(),
            Reason::ClaimMissing(_) => self.claims(),
            Reason::Spread | Reason::SpreadLabel => self.spread(),
            Reason::PodAffinity => self.pod_terms("podAffinity", "affinity"),
            Reason::PodAntiAffinity => self.pod_terms("podAntiAffinity", "anti-affinity"),
            _ => {}
        }
    }

    fn relax(&mut self, size: i64, message: String, edits: Vec<Edit>) {
        self.steps.push(Step::new(Reach::Relax, size, None, message, vec![Change::Edit(edits)]));
    }

    fn node_affinity(&mut self) {
        const REQUIRED: &str = "/affinity/nodeAffinity/requiredDuringSchedulingIgnoredDuringExecution";
        for (key, value) in self.spec["nodeSelector"].as_object().into_iter().flatten() {
            let message = format!("drop the node selector {key}={}", value.as_str().unwrap_or_default());
            self.relax(0, message, vec![Edit::Remove(format!("/nodeSelector/{}", escaped(key)))]);
        }
        let Some(required) = self.spec.pointer(REQUIRED) else { return };
        for (number, term) in list(&required["nodeSelectorTerms"]).enumerate() {
            let parts = ["matchExpressions", "matchFields"].map(|part| (part, list(&term[part]).count()));
            // A term without requirements selects nothing, so the last one goes with it.
            for (part, count) in parts.iter().filter(|_| parts.iter().map(|(_, count)| count).sum::<usize>() > 1) {
                for at in 0..*count {
                    let what = &term[part][at];
                    let values: Vec<&str> = list(&what["values"]).filter_map(Value::as_str).collect();
                    let [key, operator] = ["key", "operator"].map(|field| what[field].as_str().unwrap_or_default());
                    let said = format!("{key} {operator} {}", values.join(", "));
                    let message = format!("drop \"{}\" from the required node affinity", said.trim());
                    let pointer = format!("{REQUIRED}/nodeSelectorTerms/{number}/{part}/{at}");
                    self.relax(0, message, vec![Edit::Remove(pointer)]);
                }
            }
        }
        self.relax(0, "drop the required node affinity".to_owned(), vec![Edit::Remove(REQUIRED.to_owned())]);
    }

    /// What its scheduler demands of its own accord another one may not.
    fn scheduler(&mut self, cluster: &Cluster) {
        let own = self.spec["schedulerName"].as_str().unwrap_or_default();
        if let Some(other) = cluster.schedulers().names().find(|name| *name != own) {
            let edit = Edit::Set("/schedulerName".to_owned(), other.into());
            self.relax(0, format!("let the scheduler {other} place it"), vec![edit]);
        }
    }

    fn ports(&mut self) {
        for (at, container) in list(&self.spec["containers"]).enumerate() {
            for (number, port) in list(&container["ports"]).enumerate() {
                if let Some(host) = port["hostPort"].as_i64() {
                    let message = format!("drop the host port {host}/{}", port["protocol"].as_str().unwrap_or("TCP"));
                    self.relax(0, message, vec![Edit::Remove(format!("/containers/{at}/ports/{number}/hostPort"))]);
                }
            }
        }
    }

    /// Disks that are only read are shared with others that only read.
    fn disks(&mut self) {
        for (at, volume) in list(&self.spec["volumes"]).enumerate() {
            for disk in ["gcePersistentDisk", "iscsi", "rbd"] {
                if volume[disk].is_object() && volume[disk]["readOnly"] != true {
                    let message = format!("only read the disk of its volume {}", name(volume));
                    self.relax(0, message, vec![Edit::Set(format!("/volumes/{at}/{disk}/readOnly"), true.into())]);
                }
            }
        }
    }

    /// There are no claims here, so it does without what they would hold.
    fn claims(&mut self) {
        let (mut names, mut edits) = (Vec::new(), Vec::new());
        for (at, volume) in list(&self.spec["volumes"]).enumerate() {
            if volume["persistentVolumeClaim"].is_object() {
                names.push(name(volume));
                edits.push(Edit::Remove(format!("/volumes/{at}/persistentVolumeClaim")));
                edits.push(Edit::Set(format!("/volumes/{at}/emptyDir"), json!({})));
            }
        }
        self.relax(0, format!("let its volume {} be an emptyDir instead of a claim", names.join(" and ")), edits);
    }

    fn spread(&mut self) {
        for (at, term) in hard_spread(self.spec) {
            let key = topology(term);
            let message = format!("let it spread unevenly over {key} (whenUnsatisfiable: ScheduleAnyway)");
            let pointer = format!("/topologySpreadConstraints/{at}/whenUnsatisfiable");
            self.relax(WHOLE, message, vec![Edit::Set(pointer, "ScheduleAnyway".into())]);
        }
    }

    /// It may be spread as unevenly as it would be on a node.
    pub(super) fn spread_wider(&mut self, obstacles: &[Obstacle]) {
        let (mut keys, mut said, mut edits, mut size) = (Vec::new(), Vec::new(), Vec::new(), 0);
        for (number, (at, term)) in hard_spread(self.spec).enumerate() {
            let here =
                |o: &Obstacle| if let Obstacle::Skew(of, skew) = o { (*of == number).then_some(*skew) } else { None };
            let Some(skew) = obstacles.iter().find_map(here) else { continue };
            let allowed = term["maxSkew"].as_i64().unwrap_or_default();
            keys.push(topology(term));
            said.push(format!("maxSkew over {} from {allowed} to {skew}", topology(term)));
            edits.push(Edit::Set(format!("/topologySpreadConstraints/{at}/maxSkew"), skew.into()));
            size += skew - allowed;
        }
        if !edits.is_empty() {
            self.relax(size.min(WHOLE - 1), format!("raise {}", said.join(" and ")), edits);
            if let Some(step) = self.steps.last_mut() {
                step.measure_of = Some(keys.join(" "));
            }
        }
    }

    fn pod_terms(&mut self, kind: &str, word: &str) {
        let pointer = format!("/affinity/{kind}/requiredDuringSchedulingIgnoredDuringExecution");
        let Some(terms) = self.spec.pointer(&pointer) else { return };
        for (at, term) in list(terms).enumerate() {
            let number = if at == 0 { String::new() } else { format!(", term {}", at + 1) };
            let message = format!("drop the required pod {word} over {}{number}", topology(term));
            self.relax(0, message, vec![Edit::Remove(format!("{pointer}/{at}"))]);
        }
    }
}

fn list(value: &Value) -> std::slice::Iter<'_, Value> {
    value.as_array().map_or(&[][..], Vec::as_slice).iter()
}

fn name(value: &Value) -> &str {
    value["name"].as_str().unwrap_or_default()
}

fn topology(term: &Value) -> &str {
    term["topologyKey"].as_str().unwrap_or_default()
}

/// The constraints that must hold, each with its place among all.
fn hard_spread(spec: &Value) -> impl Iterator<Item = (usize, &Value)> {
    let terms = list(&spec["topologySpreadConstraints"]).enumerate();
    terms.filter(|(_, term)| term["whenUnsatisfiable"] == "DoNotSchedule")
}
