//! Many readers and some writers of a real server at once, over connections that stay open.

use kubarium_tests::server::{Directory, Server};
use serde_json::{Value, json};
use std::io::Read as _;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

const PODS: &str = "/api/v1/namespaces/default/pods";

/// How many pods are kept, how many clients write while others read, and for how long.
const PODS_KEPT: usize = 30_000;
const WRITERS: usize = 4;
const SPAN: Duration = Duration::from_secs(10);

/// How many connections fill the server.
const FILLERS: usize = 16;

/// What readers ask for, side by side.
const READS: [(&str, usize, &str); 3] = [
    ("GET one pod", 4, "/api/v1/namespaces/default/pods/p-7"),
    ("LIST 500 pods", 2, "/api/v1/namespaces/default/pods?limit=500"),
    ("LIST all pods", 1, "/api/v1/namespaces/default/pods"),
];

fn agent() -> ureq::Agent {
    ureq::Agent::config_builder()
        .http_status_as_error(false)
        .timeout_global(Some(Duration::from_mins(2)))
        .build()
        .into()
}

fn ask(agent: &ureq::Agent, method: &str, url: &str, body: Option<&Value>) -> Result<(u16, usize), String> {
    let content_type = if method == "PATCH" { "application/merge-patch+json" } else { "application/json" };
    let builder = ureq::http::Request::builder().method(method).uri(url).header("content-type", content_type);
    let body = body.map(Value::to_string).unwrap_or_default();
    let request = builder.body(body).map_err(|e| e.to_string())?;
    let mut answer = agent.run(request).map_err(|e| e.to_string())?;
    let mut text = Vec::new();
    answer.body_mut().as_reader().read_to_end(&mut text).map_err(|e| e.to_string())?;
    Ok((answer.status().as_u16(), text.len()))
}

fn pod(name: &str) -> Value {
    json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name, "labels": {"app": "load"}},
           "spec": {"containers": [{"name": "c", "image": "i", "resources": {"requests": {"cpu": "100m"}}}]}})
}

/// Times, sorted: how many, how many a second, the middle one and the one that 99 of 100 are below.
fn row(name: &str, mut times: Vec<Duration>, over: Duration) -> String {
    times.sort_unstable();
    let at = |share: usize| times.get(times.len() * share / 100).copied().unwrap_or_default().as_secs_f64() * 1e3;
    let rate = times.len() as f64 / over.as_secs_f64();
    format!("{name:16} {:>8} requests {rate:9.1}/s   median {:8.2} ms   p99 {:8.2} ms", times.len(), at(50), at(99))
}

/// Fills a server with pods, then reads with and without writers. A line for each kind of request.
pub(crate) fn measure() -> Result<(), String> {
    let data = Directory::new().map_err(|e| e.to_string())?;
    let server = Server::start(data.path(), &["--log-level", "error"])?;
    let next = AtomicUsize::new(0);
    let begun = Instant::now();
    std::thread::scope(|scope| {
        for _ in 0..FILLERS {
            scope.spawn(|| {
                let agent = agent();
                loop {
                    let number = next.fetch_add(1, Ordering::Relaxed);
                    if number >= PODS_KEPT
                        || ask(&agent, "POST", &format!("{}{PODS}", server.url), Some(&pod(&format!("p-{number}"))))
                            .is_err()
                    {
                        return;
                    }
                }
            });
        }
    });
    let rate = PODS_KEPT as f64 / begun.elapsed().as_secs_f64();
    println!("{PODS_KEPT} pods created by {FILLERS} clients, {rate:.0}/s");
    for writers in [0, WRITERS] {
        println!("{writers} writers");
        for line in mixed(&server, writers, SPAN) {
            println!("{line}");
        }
    }
    Ok(())
}

fn mixed(server: &Server, writers: usize, span: Duration) -> Vec<String> {
    let over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let timed = |method: &'static str, url: Box<dyn Fn(usize) -> (String, Option<Value>) + Send>| {
            let over = &over;
            scope.spawn(move || {
                let agent = agent();
                let mut times = Vec::new();
                for number in 0.. {
                    if over.load(Ordering::Relaxed) {
                        break;
                    }
                    let (url, body) = url(number);
                    let begun = Instant::now();
                    match ask(&agent, method, &url, body.as_ref()) {
                        Ok((status, _)) if status < 400 => times.push(begun.elapsed()),
                        _ => break,
                    }
                }
                times
            })
        };
        let mut all = Vec::new();
        for (name, readers, path) in READS {
            let url = format!("{}{path}", server.url);
            let readers: Vec<_> = (0..readers)
                .map(|_| {
                    let url = url.clone();
                    timed("GET", Box::new(move |_| (url.clone(), None)))
                })
                .collect();
            all.push((name, readers));
        }
        let writers = (0..writers)
            .map(|writer| {
                let base = format!("{}{PODS}", server.url);
                let change = move |number: usize| {
                    let patch = json!({"metadata": {"labels": {"n": number.to_string()}}});
                    (format!("{base}/p-{}", 100 + writer * 1_000 + number % 1_000), Some(patch))
                };
                let scoped: Box<dyn Fn(usize) -> (String, Option<Value>) + Send> = Box::new(change);
                timed("PATCH", scoped)
            })
            .collect();
        all.push(("PATCH one pod", writers));
        std::thread::sleep(span);
        over.store(true, Ordering::Relaxed);
        all.into_iter()
            .map(|(name, threads)| {
                let times = threads.into_iter().flat_map(|t| t.join().unwrap_or_default()).collect();
                row(name, times, span)
            })
            .collect()
    })
}
