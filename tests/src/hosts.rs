//! Real Docker hosts on one machine: engines in network namespaces of their own, joined by a switch.
//!
//! Each host has its own address, data, cgroup and bridge, as separate machines would. The switch is a bridge in a
//! namespace of its own: on the root bridge another engine's firewall would eat the traffic between hosts. Needs root.
//! Whatever was started is ended and removed when [`Hosts`] goes.

use std::fs::{self, File};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

static NEXT: AtomicU32 = AtomicU32::new(0);
const ENGINE_START_MAX: Duration = Duration::from_mins(1);

/// Several Docker hosts.
#[derive(Debug)]
pub struct Hosts {
    tag: String,
    net: u8,
    directory: PathBuf,
    machines: Vec<Host>,
}

/// One Docker host.
#[derive(Debug)]
pub struct Host {
    /// Name of its network namespace and of its port on the switch.
    name: String,
    /// Address under which this machine reaches it.
    pub address: String,
    directory: PathBuf,
    bridge: String,
    /// What its engine and the docker command line say for TLS.
    tls: Vec<String>,
    engine: Option<Child>,
}

/// Runs a command to its end. Fails with what it said.
fn run(program: &str, arguments: &[&str]) -> Result<String, String> {
    let output = Command::new(program)
        .args(arguments)
        .stdin(Stdio::null())
        .output()
        .map_err(|e| format!("{program}: {e}; cargo xtask setup installs it"))?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    let said = String::from_utf8_lossy(&output.stderr);
    Err(format!("{program} {}: {}", arguments.join(" "), said.trim()))
}

fn ip(arguments: &str) -> Result<String, String> {
    run("ip", &arguments.split_whitespace().collect::<Vec<_>>())
}

impl Hosts {
    /// Starts `count` hosts, each with the image `busybox:1`: a static busybox, its `sh` and `httpd` among it, and the file
    /// `/usr/share/page/index.html`.
    pub fn start(count: u8) -> Result<Self, String> {
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        // Interface names hold 15 characters; the process id keeps runs side by side apart.
        let tag = format!("k{}{number}", std::process::id() % 100_000);
        let net = (std::process::id() % 200) as u8 + number as u8 % 50;
        let directory = std::env::temp_dir().join(format!("kubarium-hosts-{tag}"));
        fs::create_dir_all(&directory).map_err(|e| format!("{}: {e}", directory.display()))?;
        let mut hosts = Self { tag, net, directory, machines: Vec::new() };
        hosts.wire()?;
        for index in 1..=count {
            let host = hosts.plug_in(index)?;
            hosts.machines.push(host);
        }
        for host in &mut hosts.machines {
            host.launch()?;
        }
        for host in &hosts.machines {
            host.wait_until_up()?;
            host.import("busybox:1")?;
        }
        Ok(hosts)
    }

    /// The hosts, in order.
    pub fn iter(&self) -> impl Iterator<Item = &Host> {
        self.machines.iter()
    }

    /// The host of that number, from 0.
    ///
    /// # Panics
    /// Where there are fewer.
    pub fn host(&mut self, index: usize) -> &mut Host {
        &mut self.machines[index]
    }

    /// Cuts a host off from everybody; its containers go on.
    pub fn partition(&self, index: usize) -> Result<(), String> {
        ip(&format!("-n {}s link set {} down", self.tag, self.machines[index].name)).map(drop)
    }

    /// Ends a partition.
    pub fn heal(&self, index: usize) -> Result<(), String> {
        ip(&format!("-n {}s link set {} up", self.tag, self.machines[index].name)).map(drop)
    }

    fn wire(&self) -> Result<(), String> {
        let (tag, net) = (&self.tag, self.net);
        ip(&format!("netns add {tag}s"))?;
        ip(&format!("-n {tag}s link add sw type bridge"))?;
        ip(&format!("-n {tag}s link set sw up"))?;
        ip(&format!("link add {tag}r type veth peer name root netns {tag}s"))?;
        ip(&format!("-n {tag}s link set root master sw"))?;
        ip(&format!("-n {tag}s link set root up"))?;
        ip(&format!("addr add 10.77.{net}.254/24 dev {tag}r"))?;
        ip(&format!("link set {tag}r up")).map(drop)
    }

    fn plug_in(&self, index: u8) -> Result<Host, String> {
        let (tag, net) = (&self.tag, self.net);
        let name = format!("{tag}h{index}");
        ip(&format!("netns add {name}"))?;
        ip(&format!("link add eth0 netns {name} type veth peer name {name} netns {tag}s"))?;
        ip(&format!("-n {tag}s link set {name} master sw"))?;
        ip(&format!("-n {tag}s link set {name} up"))?;
        ip(&format!("-n {name} addr add 10.77.{net}.{index}/24 dev eth0"))?;
        ip(&format!("-n {name} link set eth0 up"))?;
        ip(&format!("-n {name} link set lo up"))?;
        let directory = self.directory.join(index.to_string());
        fs::create_dir_all(&directory).map_err(|e| format!("{}: {e}", directory.display()))?;
        let address = format!("10.77.{net}.{index}");
        let bridge = format!("172.{}.{}.1/24", 20 + index % 10, net);
        Ok(Host { name, address, directory, bridge, tls: Vec::new(), engine: None })
    }
}

impl Host {
    /// Its endpoint as `kubarium serve --docker NAME=ENDPOINT` takes it.
    pub fn endpoint(&self) -> String {
        format!("tcp://{}:2375", self.address)
    }

    /// From its next start on, the engine speaks TLS and wants certificates of that authority from those who ask.
    pub fn secure(&mut self, ca: &Path, cert: &Path, key: &Path) {
        let file = |option: &str, path: &Path| format!("--{option}={}", path.display());
        self.tls = vec!["--tlsverify".to_owned(), file("tlscacert", ca), file("tlscert", cert), file("tlskey", key)];
    }

    /// Runs the docker command line against this host.
    pub fn docker(&self, arguments: &[&str]) -> Result<String, String> {
        let endpoint = self.endpoint();
        let mut all = vec!["-H", endpoint.as_str()];
        all.extend(self.tls.iter().map(String::as_str));
        all.extend_from_slice(arguments);
        run("docker", &all)
    }

    /// The names of its running containers that carry a label.
    pub fn running(&self, label: &str) -> Result<Vec<String>, String> {
        let filter = format!("label={label}");
        let said = self.docker(&["ps", "--format", "{{.Names}}", "--filter", &filter])?;
        Ok(said.lines().map(str::to_owned).collect())
    }

    /// Makes a static busybox an image of that name.
    pub fn import(&self, image: &str) -> Result<(), String> {
        let busybox = std::env::var_os("KUBARIUM_BUSYBOX").map_or_else(|| PathBuf::from("/bin/busybox"), PathBuf::from);
        let root = self.directory.join("image");
        let bin = root.join("bin");
        fs::create_dir_all(&bin).map_err(|e| e.to_string())?;
        let page = root.join("usr/share/page");
        for directory in [&root.join("tmp"), &page] {
            fs::create_dir_all(directory).map_err(|e| e.to_string())?;
        }
        fs::write(page.join("index.html"), "of the image\n").map_err(|e| e.to_string())?;
        fs::copy(&busybox, bin.join("busybox")).map_err(|e| format!("{}: {e}", busybox.display()))?;
        for applet in [
            "sh", "httpd", "sleep", "nc", "echo", "cat", "true", "false", "hostname", "env", "test", "touch", "ls",
            "tar", "rm",
        ] {
            if !bin.join(applet).exists() {
                std::os::unix::fs::symlink("busybox", bin.join(applet)).map_err(|e| e.to_string())?;
            }
        }
        let tar = self.directory.join("image.tar");
        run("tar", &["-C", &root.to_string_lossy(), "-cf", &tar.to_string_lossy(), "."])?;
        self.docker(&["import", &tar.to_string_lossy(), image]).map(drop)
    }

    /// Stops its engine; containers end with it.
    pub fn stop_engine(&mut self) -> Result<(), String> {
        if let Some(mut engine) = self.engine.take() {
            let pid = engine.id().to_string();
            // The engine ends its containers when asked to, as `systemctl stop docker` does.
            run("kill", &["-TERM", &pid])?;
            engine.wait().map_err(|e| e.to_string())?;
        }
        Ok(())
    }

    /// Starts its engine again.
    pub fn start_engine(&mut self) -> Result<(), String> {
        self.launch()?;
        self.wait_until_up()
    }

    fn launch(&mut self) -> Result<(), String> {
        let log = File::create(self.directory.join("engine.log")).map_err(|e| e.to_string())?;
        let errors = log.try_clone().map_err(|e| e.to_string())?;
        let dockerd = std::env::var("KUBARIUM_DOCKERD").unwrap_or_else(|_| "dockerd".to_owned());
        let path = |leaf: &str| self.directory.join(leaf).to_string_lossy().into_owned();
        let _ = fs::remove_file(self.directory.join("pid"));
        let engine = Command::new("nsenter")
            // Not `ip netns exec`: that mounts /sys anew, and the engine then finds no cgroups.
            .arg(format!("--net=/run/netns/{}", self.name))
            .arg(dockerd)
            .args(["--host", &self.endpoint()])
            .args(if self.tls.is_empty() { vec!["--tls=false".to_owned()] } else { self.tls.clone() })
            .args(["--data-root", &path("data"), "--exec-root", &path("exec"), "--pidfile", &path("pid")])
            .args(["--bip", &self.bridge, "--cgroup-parent", &format!("/{}", self.name)])
            .args(["--storage-driver", "vfs", "--shutdown-timeout", "2"])
            .stdin(Stdio::null())
            .stdout(log)
            .stderr(errors)
            .spawn()
            .map_err(|e| format!("nsenter: {e}"))?;
        self.engine = Some(engine);
        Ok(())
    }

    fn wait_until_up(&self) -> Result<(), String> {
        let start = Instant::now();
        loop {
            match self.docker(&["version", "--format", "{{.Server.Version}}"]) {
                Ok(_) => return Ok(()),
                Err(_) if start.elapsed() < ENGINE_START_MAX => std::thread::sleep(Duration::from_millis(100)),
                Err(error) => {
                    let log = fs::read_to_string(self.directory.join("engine.log")).unwrap_or_default();
                    let tail: Vec<_> = log.lines().rev().take(5).collect();
                    return Err(format!("engine {} did not start: {error}\n{}", self.name, tail.join("\n")));
                }
            }
        }
    }
}

impl Drop for Hosts {
    fn drop(&mut self) {
        // Best effort: what cannot be removed is said, and does not hide why a test failed.
        let mut problems = Vec::new();
        for host in &mut self.machines {
            if let Ok(ids) = host.docker(&["ps", "-aq"]) {
                let ids: Vec<_> = ids.split_whitespace().collect();
                if !ids.is_empty() {
                    let _ = host.docker(&[&["rm", "-f"], ids.as_slice()].concat());
                }
            }
            problems.extend(host.stop_engine().err());
            problems.extend(ip(&format!("netns del {}", host.name)).err());
            unmount_below(&host.directory);
        }
        problems.extend(ip(&format!("netns del {}s", self.tag)).err());
        // The root's end of the wire may be gone with the switch.
        let _ = ip(&format!("link del {}r", self.tag));
        problems.extend(fs::remove_dir_all(&self.directory).err().map(|e| e.to_string()));
        if !problems.is_empty() {
            let _ = writeln!(std::io::stderr(), "left behind by {}: {}", self.tag, problems.join("; "));
        }
    }
}

fn unmount_below(directory: &Path) {
    let mounts = fs::read_to_string("/proc/mounts").unwrap_or_default();
    let prefix = directory.to_string_lossy().into_owned();
    for mount in mounts.lines().rev().filter_map(|line| line.split(' ').nth(1)).filter(|m| m.starts_with(&prefix)) {
        let _ = run("umount", &["-l", mount]);
    }
}
