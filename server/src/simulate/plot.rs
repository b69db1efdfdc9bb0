//! Plots as SVG that takes its ink from the page around it, so that it reads in both themes.

use crate::failure::Failure;
use plotters::prelude::*;

/// One line of a plot.
pub(super) struct Series<'a> {
    pub(super) name: &'a str,
    pub(super) colour: RGBColor,
    pub(super) points: Vec<(f64, f64)>,
}

/// Colours with a contrast of at least 3:1 on white and on near black, apart for colour-blind eyes.
pub(super) const BLUE: RGBColor = RGBColor(0x3b, 0x82, 0xc4);
pub(super) const ORANGE: RGBColor = RGBColor(0xd0, 0x6a, 0x1b);
pub(super) const GREY: RGBColor = RGBColor(0x7a, 0x85, 0x94);

/// Stands for the page's ink; no series has it.
const INK: RGBColor = RGBColor(1, 2, 3);
const INK_TEXT: &str = "#010203";

const WIDTH: u32 = 720;
const HEIGHT: u32 = 240;

/// Lines over a common axis. `x` and `y` are the words at the axes.
pub(super) fn lines(x: &str, y: &str, series: &[Series<'_>]) -> Result<String, Failure> {
    let mut svg = String::new();
    draw(&mut svg, x, y, series).map_err(|e| Failure::running(format!("a plot cannot be drawn: {e}")))?;
    Ok(svg.replace(INK_TEXT, "currentColor"))
}

fn draw(
    svg: &mut String,
    x: &str,
    y: &str,
    series: &[Series<'_>],
) -> Result<(), DrawingAreaErrorKind<std::convert::Infallible>> {
    let points = || series.iter().flat_map(|s| &s.points);
    let right = points().map(|p| p.0).fold(1.0, f64::max);
    let top = points().map(|p| p.1).fold(4.0, f64::max) * 1.05;
    // Errors of the SVG backend do not occur: it writes to a string.
    let flat = |_| DrawingAreaErrorKind::LayoutError;
    let area = SVGBackend::with_string(svg, (WIDTH, HEIGHT)).into_drawing_area();
    let mut chart = ChartBuilder::on(&area)
        .margin(8)
        .x_label_area_size(36)
        .y_label_area_size(52)
        .build_cartesian_2d(0.0..right, 0.0..top)
        .map_err(flat)?;
    let text = ("sans-serif", 12).into_font().color(&INK);
    chart
        .configure_mesh()
        .disable_x_mesh()
        .light_line_style(TRANSPARENT)
        .bold_line_style(INK.mix(0.15))
        .axis_style(INK.mix(0.5))
        .label_style(text.clone())
        .axis_desc_style(text)
        .x_labels(8)
        .y_labels(6)
        .x_label_formatter(&|value| number(*value))
        .y_label_formatter(&|value| number(*value))
        .x_desc(x)
        .y_desc(y)
        .draw()
        .map_err(flat)?;
    for one in series {
        chart.draw_series(LineSeries::new(one.points.iter().copied(), one.colour.stroke_width(2))).map_err(flat)?;
    }
    area.present().map_err(flat)
}

/// A number at an axis: whole ones without a point.
fn number(value: f64) -> String {
    if value.fract() == 0.0 { format!("{value:.0}") } else { format!("{value:.1}") }
}
