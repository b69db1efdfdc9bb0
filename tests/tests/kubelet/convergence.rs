//! Whatever is lost, repeated or comes late: once a machine lists what it has, all becomes as it is wanted.

use crate::machine::IMAGE_ID;
use crate::script::{Script, carry_out};
use kubarium_core::api::{ContainerState, Kind, PodPhase};
use kubarium_core::runtime::{Exit, RuntimeCommand, RuntimeEvent};
use kubarium_core::{Input, Time};
use kubarium_tests::property;
use proptest::prelude::*;

/// Something that happens. Numbers choose among what there is.
#[derive(Clone, Debug)]
enum Op {
    Create(u8),
    Delete(u8),
    Force(u8),
    /// The machine carries out the oldest command for some pod, and has something to report.
    CarryOut(u8),
    LoseCommand(u8),
    /// A report arrives: the oldest, or any where `Link::late` is set.
    Report(u8),
    LoseReport(u8),
    RepeatReport(u8),
    /// A container ends by itself.
    Exit(u8, i32),
    List,
    Reboot,
    RestartServer,
    Pass(u8),
}

fn op() -> impl Strategy<Value = Op> {
    prop_oneof![
        3 => (0..4u8).prop_map(Op::Create),
        1 => (0..4u8).prop_map(Op::Delete),
        1 => (0..4u8).prop_map(Op::Force),
        12 => any::<u8>().prop_map(Op::CarryOut),
        1 => any::<u8>().prop_map(Op::LoseCommand),
        12 => any::<u8>().prop_map(Op::Report),
        1 => any::<u8>().prop_map(Op::LoseReport),
        1 => any::<u8>().prop_map(Op::RepeatReport),
        2 => (any::<u8>(), 0..2i32).prop_map(|(n, code)| Op::Exit(n, code)),
        1 => Just(Op::List),
        1 => Just(Op::Reboot),
        1 => Just(Op::RestartServer),
        2 => (0..30u8).prop_map(Op::Pass),
    ]
}

/// Four pods that differ in all that matters here.
const SPECS: [&str; 4] = [
    "{containers: [{name: a}, {name: b}]}",
    "{restartPolicy: OnFailure, initContainers: [{name: i}], containers: [{name: c}]}",
    "{initContainers: [{name: s, restartPolicy: Always}, {name: i}], containers: [{name: c}]}",
    "{restartPolicy: Never}",
];

struct Link {
    script: Script,
    /// What the machine has to report and was not heard yet.
    reports: Vec<RuntimeEvent>,
    /// Whether reports may overtake each other and repeat.
    late: bool,
}

fn pick(n: u8, len: usize) -> Option<usize> {
    (len > 0).then(|| usize::from(n) % len)
}

impl Link {
    fn new(late: bool) -> Self {
        let mut script = Script::new();
        script.input("join n1");
        script.input("list n1");
        Self { script, reports: Vec::new(), late }
    }

    fn told(&mut self, n: u8) -> Option<RuntimeCommand> {
        let told = &mut self.script.machine("n1").told;
        let chosen = told[pick(n, told.len())?].pod().uid;
        // Commands for one pod keep their order.
        let first = told.iter().position(|c| c.pod().uid == chosen)?;
        Some(told.remove(first))
    }

    fn report(&mut self, n: u8) -> Option<usize> {
        if self.late { pick(n, self.reports.len()) } else { pick(0, self.reports.len()) }
    }

    fn tell(&mut self, event: RuntimeEvent) {
        self.script.handle(Input::Runtime { node: "n1".into(), event });
    }

    fn apply(&mut self, op: &Op) {
        let now = self.script.now();
        match *op {
            Op::Create(n) => self.script.input(&format!("pod p{n} n1 {}", SPECS[usize::from(n)])),
            Op::Delete(n) => self.script.input(&format!("delete p{n} 5")),
            Op::Force(n) => self.script.input(&format!("force p{n}")),
            Op::CarryOut(n) => {
                if let Some(command) = self.told(n) {
                    self.reports.extend(carry_out(self.script.machine("n1"), command, now));
                }
            }
            Op::LoseCommand(n) => {
                self.told(n);
            }
            Op::Report(n) => {
                if let Some(at) = self.report(n) {
                    let event = self.reports.remove(at);
                    self.tell(event);
                }
            }
            Op::LoseReport(n) => {
                if let Some(at) = self.report(n) {
                    self.reports.remove(at);
                }
            }
            Op::RepeatReport(n) => {
                if self.late
                    && let Some(at) = self.report(n)
                {
                    self.tell(self.reports[at].clone());
                }
            }
            Op::Exit(n, code) => self.exit(n, code, now),
            Op::List => {
                let list = self.script.machine("n1").list();
                self.reports.push(RuntimeEvent::Listed(list));
            }
            Op::Reboot => {
                self.script.input("reboot n1");
                self.reports.clear();
                self.script.input("join n1");
                self.script.input("list n1");
            }
            Op::RestartServer => {
                self.script.input("restart");
                self.reports.clear();
                self.script.machine("n1").told.clear();
                self.script.input("join n1");
                self.script.input("list n1");
            }
            Op::Pass(secs) => self.script.input(&format!("+{secs}s")),
        }
    }

    fn exit(&mut self, n: u8, code: i32, now: Time) {
        let machine = self.script.machine("n1");
        let running: Vec<_> = machine
            .pods
            .values()
            .flat_map(|p| p.containers.iter().filter(|c| c.running).map(|c| (p.pod.clone(), c.container.clone())))
            .collect();
        let Some((pod, container)) = pick(n, running.len()).map(|i| running[i].clone()) else { return };
        let exit = Exit { code, at: Some(now), ..Exit::default() };
        if let Some((attempt, exit)) = machine.exit(&pod, &container, exit) {
            self.reports.push(RuntimeEvent::Exited { pod, container, attempt, exit });
        }
    }

    /// The machine is heard and lists; from then on nothing is lost.
    fn heal(&mut self) {
        self.reports.clear();
        self.script.machine("n1").told.clear();
        self.script.input("list n1");
        // The longest back-off is five minutes; init containers and jobs come to their end when they run.
        for _ in 0..40 {
            self.script.input("answer");
            let ends: Vec<String> = self.unfinished();
            for line in ends {
                self.script.input(&line);
            }
            self.script.input("+10s");
        }
        self.script.input("answer");
    }

    /// Lines that end init containers and the containers of jobs well.
    fn unfinished(&mut self) -> Vec<String> {
        let machine = self.script.machine("n1");
        let running = machine.pods.values().flat_map(|p| p.containers.iter().map(move |c| (&p.pod.name, c)));
        running
            .filter(|(pod, c)| {
                c.running && (c.container == "i" || (*pod == "p1" || *pod == "p3") && c.container == "c")
            })
            .map(|(pod, c)| format!("exit {pod}/{} 0", c.container))
            .collect()
    }

    /// What is as it should not be.
    fn complaints(&mut self) -> Vec<String> {
        let mut complaints = Vec::new();
        let machine = self.script.machine("n1").clone();
        for object in self.script.cluster.store().list(Kind::Pod, None) {
            let name = &object.meta.name;
            let pod = object.pod().unwrap();
            if object.meta.deletion.is_some() {
                complaints.push(format!("{name} is stuck in its deletion"));
                continue;
            }
            let wants = match name.as_str() {
                "p1" | "p3" => pod.status.phase.is_finished(),
                _ => pod.status.phase == PodPhase::Running && pod.status.is_ready(),
            };
            if !wants {
                complaints.push(format!("{name} is {:?}", pod.status));
            }
            for status in pod.status.containers.iter().chain(&pod.status.rarer.init_containers) {
                let there = machine.pods.get(&object.meta.uid).map(|p| p.containers.as_slice()).unwrap_or_default();
                let running: Vec<u32> =
                    there.iter().filter(|c| c.container == status.name && c.running).map(|c| c.attempt).collect();
                let said: Vec<u32> = match status.state {
                    ContainerState::Running { .. } => vec![status.restarts],
                    _ => Vec::new(),
                };
                let runs = matches!(status.state, ContainerState::Running { .. } | ContainerState::Terminated(_));
                if runs && status.id.is_some() && status.image_id.as_deref() != Some(IMAGE_ID) {
                    complaints.push(format!("{name}/{}: its image is {:?}", status.name, status.image_id));
                }
                if running != said {
                    complaints.push(format!("{name}/{}: {running:?} run, the status says {said:?}", status.name));
                }
            }
        }
        for pod in machine.pods.values() {
            if self.script.cluster.store().pod(pod.pod.uid).is_none() {
                complaints.push(format!("stray {}", pod.pod.name));
            }
        }
        complaints
    }
}

proptest! {
    #![proptest_config(property::cases(128))]

    #[test]
    fn any_order_of_answers_converges_with_a_list(ops in prop::collection::vec(op(), 1..80)) {
        let mut link = Link::new(true);
        for op in &ops {
            link.apply(op);
        }
        link.heal();
        let complaints = link.complaints();
        prop_assert!(complaints.is_empty(), "{complaints:#?}");
    }

    #[test]
    fn nothing_is_started_beside_an_earlier_attempt(ops in prop::collection::vec(op(), 1..80)) {
        let mut link = Link::new(false);
        for op in &ops {
            link.apply(op);
            prop_assert_eq!(link.script.machine("n1").overlaps, 0);
        }
        link.heal();
        prop_assert_eq!(link.script.machine("n1").overlaps, 0);
        let complaints = link.complaints();
        prop_assert!(complaints.is_empty(), "{complaints:#?}");
    }
}
