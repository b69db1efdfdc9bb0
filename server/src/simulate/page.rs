//! The report as one page that needs nothing else: no script, no font, no network.

use super::plot::{BLUE, GREY, ORANGE, Series, lines};
use super::report::Report;
use super::samples::{Sample, Samples};
use crate::failure::Failure;
use kubarium_core::Span;
use kubarium_core::sim::{self, World};
use plotters::style::RGBColor;
use std::fmt::Write as _;

const STYLE: &str = "
:root { color-scheme: light dark; --ground: #ffffff; --ink: #1b2026; --quiet: #59636e; --line: #d9dee3; --fill: #3b82c4;
  --alert: #9a4a0c; }
@media (prefers-color-scheme: dark) {
  :root { --ground: #14171b; --ink: #e8ebee; --quiet: #a3adb8; --line: #323941; --alert: #f0a35e; }
}
body { background: var(--ground); color: var(--ink); font: 15px/1.5 system-ui, sans-serif; max-width: 960px;
  margin: 0 auto; padding: 24px 16px; font-variant-numeric: tabular-nums; }
h1 { font-size: 24px; margin: 0 0 4px; } h2 { font-size: 18px; margin: 32px 0 8px; }
p { margin: 4px 0; } .quiet { color: var(--quiet); }
svg { display: block; width: 100%; min-width: 560px; height: auto; }
.key { display: inline-block; width: 12px; height: 3px; margin: 0 6px 4px 12px; } .key:first-child { margin-left: 0; }
.scroll { overflow-x: auto; } table { border-collapse: collapse; width: 100%; }
th, td { text-align: left; padding: 4px 12px 4px 0; border-bottom: 1px solid var(--line); vertical-align: top; }
th { white-space: nowrap; } .number, .name { white-space: nowrap; } .number { text-align: right; }
td.bar { vertical-align: middle; width: 20%; } .bar div { background: var(--line); height: 8px; min-width: 56px; }
.bar i { display: block; background: var(--fill); height: 8px; } .alert { color: var(--alert); font-weight: 600; }
@media (max-width: 640px) {
  .timeline thead { display: none; }
  .timeline tr { display: grid; grid-template-columns: 56px 1fr auto; border-bottom: 1px solid var(--line); padding: 4px 0; }
  .timeline td { border: 0; padding: 0 8px 0 0; overflow-wrap: anywhere; }
  .timeline td:nth-child(3), .timeline td:nth-child(5) { grid-column: 2 / 4; } .timeline td:nth-child(4) { grid-area: 1 / 3; }
  .timeline td:nth-child(5) { color: var(--quiet); }
}
";

/// Up to so many nodes the table says it all; beyond, a plot shows how fullness is spread.
const NODES_IN_TABLE_MAX: usize = 12;

/// Rows a table shows; beyond that the page would be slow, and JSON has all.
const ROWS_MAX: usize = 500;

/// The page.
pub(super) fn render(report: &Report, world: &World, samples: &Samples) -> Result<String, Failure> {
    let mut body = String::new();
    // Writing to a string does not fail.
    let _ = summary(&mut body, report, world);
    plots(&mut body, report, &samples.list)?;
    let _ = tables(&mut body, report);
    let title = title(world);
    Ok(format!(
        "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\
         <meta name=\"viewport\" content=\"width=device-width\"><title>{title}</title><style>{STYLE}</style></head>\
         <body><main>{body}</main></body></html>\n"
    ))
}

fn title(world: &World) -> String {
    let title = &world.scenario().title.en;
    if title.is_empty() { "Simulation".to_owned() } else { escaped(title) }
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

fn summary(out: &mut String, report: &Report, world: &World) -> std::fmt::Result {
    write!(out, "<h1>{}</h1>", title(world))?;
    if !world.scenario().description.en.is_empty() {
        write!(out, "<p>{}</p>", escaped(&world.scenario().description.en))?;
    }
    write!(
        out,
        "<p>{} nodes, {} pods: {} placed, {} pending.</p><p class=\"quiet\">{} of cluster time in {:.2} s, \
         seed {}, {} events, state hash {:016x}.</p>",
        report.nodes.len(),
        report.pods,
        report.bound,
        report.pending_count(),
        sim::format_span(Span::from_secs(report.virtual_seconds as i64)),
        report.wall_ms as f64 / 1e3,
        world.scenario().config.seed,
        report.events,
        report.hash
    )?;
    if !report.pending.is_empty() {
        out.push_str("<h2>Pending, and why</h2><ul>");
        for (why, pods) in &report.pending {
            let names: Vec<String> = pods.iter().take(10).map(|p| escaped(p)).collect();
            let more = if pods.len() > 10 { format!(" and {} more", pods.len() - 10) } else { String::new() };
            write!(out, "<li><b>{}{more}</b><br>{}</li>", names.join(", "), escaped(why))?;
        }
        out.push_str("</ul>");
    }
    Ok(())
}

fn figure(out: &mut String, title: &str, x: &str, y: &str, series: &[Series<'_>]) -> Result<(), Failure> {
    let svg = lines(x, y, series)?;
    let mut keys = String::new();
    for one in series {
        let RGBColor(red, green, blue) = one.colour;
        let _ = write!(
            keys,
            "<span class=\"key\" style=\"background:#{red:02x}{green:02x}{blue:02x}\"></span>{}",
            one.name
        );
    }
    let names: Vec<&str> = series.iter().map(|s| s.name).collect();
    let svg = svg.replacen("<svg ", &format!("<svg role=\"img\" aria-label=\"{title}: {}\" ", names.join(", ")), 1);
    let _ = write!(out, "<h2>{title}</h2><p class=\"quiet\">{keys}</p><div class=\"scroll\">{svg}</div>");
    Ok(())
}

fn plots(out: &mut String, report: &Report, samples: &[Sample]) -> Result<(), Failure> {
    let over_time = |name, colour, of: fn(&Sample) -> f64| Series {
        name,
        colour,
        points: samples.iter().map(|s| (s.second, of(s))).collect(),
    };
    figure(
        out,
        "Pods over time",
        "seconds",
        "pods",
        &[
            over_time("running", GREY, |s| f64::from(s.running)),
            over_time("ready", BLUE, |s| f64::from(s.ready)),
            over_time("pending", ORANGE, |s| f64::from(s.pending)),
        ],
    )?;
    let fullness = |name, colour, of: fn(&super::report::NodeUse) -> (i64, i64)| {
        let mut shares: Vec<f64> = report.nodes.iter().map(|n| percent(of(n))).collect();
        shares.sort_by(|a, b| b.total_cmp(a));
        // Steps: each node is as wide as any other.
        let steps = shares.into_iter().enumerate().flat_map(|(n, s)| [(n as f64, s), (n as f64 + 1.0, s)]);
        Series { name, colour, points: steps.collect() }
    };
    if report.nodes.len() > NODES_IN_TABLE_MAX {
        let series = [fullness("cpu", BLUE, |n| n.cpu), fullness("memory", ORANGE, |n| n.memory)];
        figure(out, "How full the nodes are", "nodes, fullest first", "percent requested", &series)?;
    }
    if samples.last().is_some_and(|s| s.answered + s.failed > 0) {
        let rate = |of: fn(&Sample) -> u64| {
            let pairs = samples.windows(2).filter(|w| w[1].second > w[0].second);
            pairs.map(|w| (w[1].second, (of(&w[1]) - of(&w[0])) as f64 / (w[1].second - w[0].second))).collect()
        };
        let series = [
            Series { name: "answered", colour: BLUE, points: rate(|s| s.answered) },
            Series { name: "lost or refused", colour: ORANGE, points: rate(|s| s.failed) },
        ];
        figure(out, "Requests", "seconds", "per second", &series)?;
    }
    Ok(())
}

fn percent((used, all): (i64, i64)) -> f64 {
    if all <= 0 { 0.0 } else { used as f64 * 100.0 / all as f64 }
}

fn tables(out: &mut String, report: &Report) -> std::fmt::Result {
    out.push_str(
        "<h2>Nodes</h2><div class=\"scroll\"><table><thead><tr><th>Node</th><th>Ready</th><th class=\"number\">Pods</th>\
         <th class=\"number\">CPU</th><th></th><th class=\"number\">Memory</th><th></th></tr></thead><tbody>",
    );
    for node in report.nodes.iter().take(ROWS_MAX) {
        let bar = |share: f64| format!("<div><i style=\"width:{:.0}%\"></i></div>", share.min(100.0));
        let (cpu, memory) = (percent(node.cpu), percent(node.memory));
        write!(
            out,
            "<tr><td class=\"name\">{}</td><td>{}</td><td class=\"number\">{} / {}</td>\
             <td class=\"number\">{cpu:.0} %</td><td class=\"bar\">{}</td>\
             <td class=\"number\">{memory:.0} %</td><td class=\"bar\">{}</td></tr>",
            escaped(&node.name),
            if node.ready { "yes" } else { "<span class=\"alert\">no</span>" },
            node.pods,
            node.pods_max,
            bar(cpu),
            bar(memory)
        )?;
    }
    out.push_str("</tbody></table></div>");
    more(out, report.nodes.len())?;
    out.push_str(
        "<h2>Timeline</h2><div class=\"scroll\"><table class=\"timeline\"><thead><tr><th class=\"number\">Second</th><th>What</th>\
         <th>About</th><th class=\"number\">Times</th><th>Message</th></tr></thead><tbody>",
    );
    for line in report.timeline.iter().take(ROWS_MAX) {
        write!(
            out,
            "<tr><td class=\"number\">{}</td><td>{}{}</td><td>{}</td><td class=\"number\">{}</td><td>{}</td></tr>",
            line.second,
            if line.warning { "<span class=\"alert\">Warning</span> " } else { "" },
            escaped(&line.reason),
            escaped(&line.about),
            line.count,
            escaped(&line.message)
        )?;
    }
    out.push_str("</tbody></table></div>");
    more(out, report.timeline.len())
}

fn more(out: &mut String, rows: usize) -> std::fmt::Result {
    if rows <= ROWS_MAX {
        return Ok(());
    }
    write!(out, "<p class=\"quiet\">{} more are left out here; --output json has all.</p>", rows - ROWS_MAX)
}
