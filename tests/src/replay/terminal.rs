//! Brings what kubectl prints into the form in which the records keep it.

use super::discovery::KINDS;
use super::pattern;
use regex::{Captures, Regex};
use std::sync::LazyLock;

/// Columns whose cells are ages, which make columns wider or narrower.
const AGES: [&str; 2] = ["AGE", "LAST SEEN"];

/// What is known of the command lines whose output is looked at.
pub(super) struct Terminal<'a> {
    /// Everything the case sent: it stays as it is.
    pub(super) sent: &'a str,
    /// The server's URL.
    pub(super) server: &'a str,
}

/// What kubectl says of a command line that it does not understand, as a release says it: the records are of a distributor's
/// build, which begins with `Error:`, or writes it to its log.
pub(super) fn released(output: &str) -> String {
    static LOGGED: LazyLock<Regex> =
        LazyLock::new(|| pattern(r#"(?m)^<klog> run\.go:\d+\] "command failed" err=("(?:[^"\\]|\\.)*")$"#));
    static BEGUN: LazyLock<Regex> = LazyLock::new(|| pattern("^Error: "));
    let output = LOGGED.replace_all(output, |found: &Captures<'_>| {
        // Go quotes these as JSON does.
        format!("error: {}", serde_json::from_str::<String>(&found[1]).unwrap_or_default())
    });
    BEGUN.replace(&output, "error: ").into_owned()
}

/// The parts of an output that a step's `filter` keeps.
pub(super) fn filtered(filter: &str, output: &str) -> String {
    let join = |lines: Vec<String>| lines.join("\n");
    match filter {
        "ours" => join(output.split('\n').filter(|line| ours(line)).map(narrowed).collect()),
        "head15" => join(output.split('\n').take(15).map(str::to_owned).collect()),
        "none" => String::new(),
        "sorted" => {
            let mut lines: Vec<String> = output.split('\n').map(str::to_owned).collect();
            lines.sort_unstable();
            join(lines)
        }
        _ => output.to_owned(),
    }
}

fn ours(line: &str) -> bool {
    let word = line.split_whitespace().next();
    word.is_none_or(|word| KINDS.contains(&word.split('.').next().unwrap_or_default()))
        || line.starts_with("error")
        || line.starts_with("NAME")
}

/// With columns two spaces apart.
fn narrowed(line: &str) -> String {
    static SPACES: LazyLock<Regex> = LazyLock::new(|| pattern(" {2,}"));
    SPACES.replace_all(line, "  ").into_owned()
}

impl Terminal<'_> {
    /// The whole output.
    pub(super) fn normal(&self, output: &str) -> String {
        static PUBLISHED: LazyLock<Regex> =
            LazyLock::new(|| pattern(r"(?m)^(configmap/)?(kube-root-ca|openshift-service-ca)\.crt\b.*\n"));
        static TABLE: LazyLock<Regex> = LazyLock::new(|| pattern("^(NAMESPACE|NAME|LAST SEEN)  "));
        let output = PUBLISHED.replace_all(output, "");
        let lines: Vec<&str> = output.split('\n').collect();
        let mut done: Vec<String> = Vec::new();
        let mut at = 0;
        let mut events = false;
        while let Some(line) = lines.get(at) {
            let aged = || columns(line).iter().any(|(_, name)| AGES.contains(&name.as_str()));
            if TABLE.is_match(line) && aged() {
                let end = lines[at..].iter().position(|line| line.is_empty()).map_or(lines.len(), |n| at + n);
                done.extend(self.table(&lines[at..end]));
                at = end;
                continue;
            }
            let line = self.line(line);
            if line.starts_with("Events:") {
                events = true;
            } else if !line.is_empty() && !line.starts_with(' ') {
                events = false;
            }
            done.push(ages(&if events { event(&line) } else { line }));
            at += 1;
        }
        done.join("\n")
    }

    /// A table, its columns as wide as what is left in them.
    fn table(&self, lines: &[&str]) -> Vec<String> {
        static AGE: LazyLock<Regex> = LazyLock::new(|| pattern(r"(\d+[smhdy])+|<invalid>"));
        static AGO: LazyLock<Regex> = LazyLock::new(|| pattern(r"\((\d+[smhdy])+ ago\)"));
        let columns = columns(lines.first().copied().unwrap_or_default());
        let mut rows: Vec<Vec<String>> = Vec::new();
        for (number, line) in lines.iter().enumerate() {
            let chars: Vec<char> = line.chars().collect();
            let cell = |(index, (start, name)): (usize, &(usize, String))| {
                let end = columns.get(index + 1).map_or(chars.len(), |(start, _)| *start).min(chars.len());
                let text: String = chars.get(*start..end).unwrap_or_default().iter().collect();
                let text = self.line(text.trim_end());
                match name.as_str() {
                    _ if number == 0 => text,
                    name if AGES.contains(&name) => AGE.replace_all(&text, "<age>").into_owned(),
                    "RESTARTS" => AGO.replace_all(&text, "(<age> ago)").into_owned(),
                    _ => text,
                }
            };
            rows.push(columns.iter().enumerate().map(cell).collect());
        }
        let width = |index: usize| rows.iter().map(|row| row[index].chars().count()).max().unwrap_or_default();
        let widths: Vec<usize> = (0..columns.len()).map(width).collect();
        let last = columns.len().saturating_sub(1);
        let padded = |row: &Vec<String>| {
            let cells = row.iter().enumerate().map(|(index, cell)| match index {
                index if index == last => cell.clone(),
                index => format!("{cell:width$}", width = widths[index] + 3),
            });
            cells.collect::<String>().trim_end().to_owned()
        };
        rows.iter().map(padded).collect()
    }

    /// What may stand anywhere.
    fn line(&self, text: &str) -> String {
        static GENERATED: LazyLock<Regex> = LazyLock::new(|| pattern(r"\bweb-[a-z0-9]{5}\b"));
        static CREATED: LazyLock<Regex> = LazyLock::new(|| pattern(r"cm-[a-z0-9]{5}\b( created)"));
        static UUID: LazyLock<Regex> =
            LazyLock::new(|| pattern(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"));
        static TIME: LazyLock<Regex> = LazyLock::new(|| pattern(r"20\d\d-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z"));
        static DATE: LazyLock<Regex> = LazyLock::new(|| {
            pattern(r"(Mon|Tue|Wed|Thu|Fri|Sat|Sun), \d\d [A-Z][a-z]{2} 20\d\d \d\d:\d\d:\d\d [+-]\d{4}")
        });
        static VERSION: LazyLock<Regex> =
            LazyLock::new(|| pattern(r#"(resourceVersion\\*"?: ?\\*"?|Resource Version: +)\d+"#));
        static IP: LazyLock<Regex> = LazyLock::new(|| pattern(r"10\.0\.\d{1,3}\.\d{1,3}"));
        static PORT: LazyLock<Regex> = LazyLock::new(|| pattern(r"\b3[0-2]\d{3}\b"));
        static FILE: LazyLock<Regex> = LazyLock::new(|| pattern(r"/tmp/(LIVE|MERGED)-\d+"));
        static LOG: LazyLock<Regex> = LazyLock::new(|| pattern(r"[EWI]\d{4} \d\d:\d\d:\d\d\.\d+ +\d+ "));
        static HEAD: LazyLock<Regex> = LazyLock::new(|| pattern(r"(\+\+\+|---) (\S+)\t\d{4}-\d\d-\d\d \S+ \S+"));
        let host = self.server.split_once("//").map_or(self.server, |(_, host)| host);
        let mut text = text.replace(self.server, "<server>").replace(host, "<server>");
        // Before ports: a process may have the number of one.
        text = LOG.replace_all(&text, "<klog> ").into_owned();
        text = GENERATED.replace_all(&text, "web-<sfx>").into_owned();
        text = CREATED.replace_all(&text, "cm-<sfx>$1").into_owned();
        text = self.kept(&UUID, &text, |_, _| false, "<uid>");
        text = TIME
            .replace_all(&text, |found: &Captures<'_>| {
                let literal = ["2020", "2021", "2001"].iter().any(|year| found[0].starts_with(year));
                if literal { found[0].to_owned() } else { "<time>".to_owned() }
            })
            .into_owned();
        text = DATE.replace_all(&text, "<time>").into_owned();
        text = VERSION.replace_all(&text, "$1<rv>").into_owned();
        let digit = |c: Option<char>, also: &str| c.is_some_and(|c| c.is_ascii_digit() || also.contains(c));
        text = self.kept(
            &IP,
            &text,
            |before, rest| {
                let (ip, after) = rest;
                ip.starts_with("10.0.50.")
                    || digit(before.chars().next_back(), ".")
                    || digit(after.chars().next(), "./")
            },
            "<ip>",
        );
        text = self.kept(
            &PORT,
            &text,
            |before, (port, after)| {
                matches!(port, "31080" | "32767") || before.ends_with("30000-") || after.starts_with('-')
            },
            "<nodePort>",
        );
        text = FILE.replace_all(&text, "/tmp/$1-<n>").into_owned();
        HEAD.replace_all(&text, "$1 $2\t<time>").into_owned()
    }

    /// Replaces what was neither sent nor is to be kept, by what stands before it, itself, and what stands behind it.
    fn kept(&self, what: &Regex, text: &str, keep: impl Fn(&str, (&str, &str)) -> bool, shown: &str) -> String {
        what.replace_all(text, |found: &Captures<'_>| {
            let range = found.get(0).map(|m| m.range()).unwrap_or_default();
            let literal = self.sent.contains(&found[0]) || keep(&text[..range.start], (&found[0], &text[range.end..]));
            if literal { found[0].to_owned() } else { shown.to_owned() }
        })
        .into_owned()
    }
}

/// Where each column begins, in characters, and its name.
fn columns(head: &str) -> Vec<(usize, String)> {
    static NAME: LazyLock<Regex> = LazyLock::new(|| pattern(r"\S+(?: \S+)*"));
    NAME.find_iter(head).map(|m| (head[..m.start()].chars().count(), m.as_str().to_owned())).collect()
}

/// A line of the events under a description.
fn event(line: &str) -> String {
    static AGE: LazyLock<Regex> =
        LazyLock::new(|| pattern(r"  (?:\d+[smhdy])+( \(x\d+ over )?(?:(?:\d+[smhdy])+(\)))?(  )"));
    static RULE: LazyLock<Regex> = LazyLock::new(|| pattern(" -{4,}"));
    let line = narrowed(line);
    let line = AGE
        .replace(&line, |found: &Captures<'_>| match found.get(1) {
            Some(times) => format!("  <age>{}<age>){}", times.as_str(), &found[3]),
            None => format!("  <age>{}", &found[3]),
        })
        .into_owned();
    let line = RULE.replace_all(&line, " ----").into_owned();
    if line.starts_with("  Type") { "  Type  Reason  Age  From  Message".to_owned() } else { line }
}

/// Ages outside of tables, and addresses in no order.
fn ages(line: &str) -> String {
    static ENDPOINTS: LazyLock<Regex> =
        LazyLock::new(|| pattern(r"^(Endpoints: +)(\d+\.\d+\.\d+\.\d+:\d+(?:,\d+\.\d+\.\d+\.\d+:\d+)+)$"));
    static AGE: LazyLock<Regex> = LazyLock::new(|| pattern(r"^(Age|\s*Age): .*"));
    static LAST: LazyLock<Regex> = LazyLock::new(|| pattern(r"(   )(\d+[smhdy])+$"));
    let mut line = line.to_owned();
    if let Some(found) = ENDPOINTS.captures(&line) {
        let mut addresses: Vec<&str> = found[2].split(',').collect();
        addresses.sort_unstable();
        line = format!("{}{}", &found[1], addresses.join(","));
    }
    line = AGE.replace(&line, "$1: <age>").into_owned();
    LAST.replace(&line, "$1<age>").into_owned()
}
