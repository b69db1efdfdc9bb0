//! Charts over the cluster's time: pods by state, what nodes have requested of them, requests and errors.
//!
//! Drawn once a second at most, and only while they are in sight. A table says the same to screen readers.

use crate::client::use_session;
use crate::components::{clock_text, colour, state_text};
use crate::state::{Sample, World, use_feed, use_settings};
use crate::text::Text;
use kubarium_core::view::PodState;
use plotters::prelude::*;
use plotters_canvas::CanvasBackend;
use web_sys::HtmlCanvasElement;
use yew::prelude::*;

/// A line of a chart.
struct Line {
    /// The token its colour comes from.
    token: String,
    words: String,
    points: Vec<(f64, f64)>,
}

/// What a chart shows.
struct Chart {
    title: Text,
    unit: &'static str,
    lines: Vec<Line>,
    /// The least the upper end of the scale may be.
    top_min: f64,
}

fn charts(samples: &[Sample], words: impl Fn(Text) -> &'static str) -> [Chart; 3] {
    let start = samples.first().map_or(0.0, |s| s.at.0 as f64);
    let seconds = |s: &Sample| (s.at.0 as f64 - start) / 1e6;
    let states =
        PodState::ALL.into_iter().filter(|s| samples.iter().any(|x| x.states[*s as usize] > 0)).map(|state| Line {
            token: format!("--pod-{}", state.as_str()),
            words: words(state_text(state)).to_owned(),
            points: samples.iter().map(|s| (seconds(s), f64::from(s.states[state as usize]))).collect(),
        });
    let line = |token: &str, text: Text, points: Vec<(f64, f64)>| Line {
        token: token.to_owned(),
        words: words(text).to_owned(),
        points,
    };
    let rate = |of: fn(&Sample) -> u64| {
        samples
            .windows(2)
            .map(|pair| {
                let span = (seconds(&pair[1]) - seconds(&pair[0])).max(1e-3);
                (seconds(&pair[1]), of(&pair[1]).saturating_sub(of(&pair[0])) as f64 / span)
            })
            .collect()
    };
    [
        Chart { title: Text::ChartPods, unit: "", lines: states.collect(), top_min: 4.0 },
        Chart {
            title: Text::ChartNodes,
            unit: "%",
            lines: vec![
                line("--series-1", Text::Cpu, samples.iter().map(|s| (seconds(s), s.cpu)).collect()),
                line("--series-2", Text::Memory, samples.iter().map(|s| (seconds(s), s.memory)).collect()),
            ],
            top_min: 100.0,
        },
        Chart {
            title: Text::ChartRequests,
            unit: "/s",
            lines: vec![
                line("--series-1", Text::Answered, rate(|s| s.requests.0)),
                line("--series-5", Text::Lost, rate(|s| s.requests.1)),
            ],
            top_min: 4.0,
        },
    ]
}

/// The colour of a token, as the theme has it now.
fn ink(canvas: &HtmlCanvasElement, token: &str) -> RGBColor {
    let said = colour(canvas, token);
    let mut parts = said.split(|c: char| !c.is_ascii_digit()).filter_map(|part| part.parse().ok());
    match (parts.next(), parts.next(), parts.next()) {
        (Some(red), Some(green), Some(blue)) => RGBColor(red, green, blue),
        _ => RGBColor(128, 128, 128),
    }
}

fn draw(canvas: HtmlCanvasElement, chart: &Chart) -> Result<(), Box<dyn std::error::Error>> {
    let scale = web_sys::window().map_or(1.0, |w| w.device_pixel_ratio());
    let (width, height) = (f64::from(canvas.client_width()) * scale, f64::from(canvas.client_height()) * scale);
    if width < 8.0 || height < 8.0 {
        return Ok(());
    }
    canvas.set_width(width as u32);
    canvas.set_height(height as u32);
    let (quiet, line) = (ink(&canvas, "--text-quiet"), ink(&canvas, "--line"));
    let inks: Vec<RGBColor> = chart.lines.iter().map(|l| ink(&canvas, &l.token)).collect();
    let Some(backend) = CanvasBackend::with_canvas_object(canvas) else { return Ok(()) };
    let area = backend.into_drawing_area();
    let last = chart.lines.iter().filter_map(|l| l.points.last()).map(|p| p.0).fold(1.0, f64::max);
    let first = chart.lines.iter().filter_map(|l| l.points.first()).map(|p| p.0).fold(last, f64::min);
    let top = chart.lines.iter().flat_map(|l| &l.points).map(|p| p.1).fold(chart.top_min, f64::max);
    let font = ("sans-serif", 11.0 * scale).into_font().color(&quiet);
    let mut context = ChartBuilder::on(&area)
        .margin((4.0 * scale) as i32)
        // Half of the last label's width.
        .margin_right((24.0 * scale) as i32)
        .x_label_area_size((16.0 * scale) as i32)
        .y_label_area_size((36.0 * scale) as i32)
        .build_cartesian_2d(first..last.max(first + 1.0), 0.0..top * 1.05)?;
    let unit = chart.unit;
    context
        .configure_mesh()
        .disable_x_mesh()
        .light_line_style(TRANSPARENT)
        .bold_line_style(line.stroke_width(scale as u32))
        .axis_style(line)
        .label_style(font)
        .x_labels(4)
        .y_labels(4)
        .x_label_formatter(&|x| clock_text(kubarium_core::Span((*x * 1e6) as i64)))
        .y_label_formatter(&|y| if *y < 10_000.0 { format!("{y:.0}{unit}") } else { format!("{:.0}k{unit}", y / 1e3) })
        .draw()?;
    for (index, (series, ink)) in chart.lines.iter().zip(inks).enumerate() {
        let style = ink.stroke_width((1.5 * scale).round() as u32);
        let points = series.points.iter().copied();
        // Told apart without colour: every second line is dashed.
        if index % 2 == 0 {
            context.draw_series(LineSeries::new(points, style))?;
        } else {
            let (dash, gap) = ((6.0 * scale) as i32, (3.0 * scale) as i32);
            context.draw_series(DashedLineSeries::new(points, dash, gap, style))?;
        }
    }
    area.present()?;
    Ok(())
}

#[component]
pub(super) fn Charts() -> Html {
    let settings = use_settings();
    let language = settings.language;
    let session = use_session();
    let feed = use_feed(1_000);
    let canvases = [use_node_ref(), use_node_ref(), use_node_ref()];
    let shown = {
        let history = feed.history();
        let mut shown = Vec::from(charts(history.samples(), |text| language.text(text)));
        // The API of a live cluster does not tell of requests to services, which are the last chart.
        if session.world == World::Live {
            shown.pop();
        }
        shown
    };
    let panels: Vec<_> = shown
        .iter()
        .zip(&canvases)
        .map(|(chart, canvas)| {
            let legend = chart.lines.iter().map(|line| {
                let now = line.points.last().map_or(0.0, |p| p.1);
                html! {
                    <li>
                        <span class="legend-mark" style={format!("background:var({})", line.token)} aria-hidden="true"></span>
                        { format!("{} {now:.0}{}", line.words, chart.unit) }
                    </li>
                }
            });
            html! {
                <figure class="chart">
                    <figcaption>{ language.text(chart.title) }</figcaption>
                    <canvas ref={canvas.clone()} aria-hidden="true"></canvas>
                    <ul class="legend">{ for legend }</ul>
                </figure>
            }
        })
        .collect();
    use_effect(move || {
        for (chart, canvas) in shown.iter().zip(&canvases) {
            if let Some(canvas) = canvas.cast::<HtmlCanvasElement>() {
                // A chart that cannot be drawn leaves its place empty; its legend says the same in words.
                let _ = draw(canvas, chart);
            }
        }
    });
    html! { <section class="charts" tabindex="0" aria-label={language.text(Text::ChartsLabel)} data-testid="charts">{ for panels }</section> }
}
